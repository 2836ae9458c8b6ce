"""Events and functions by their signature or JSON ABI, as Solidity's ABI encodes them.

https://docs.soliditylang.org/en/latest/abi-spec.html. (The usual `eth-abi` can't come along: it stands on compiled
extensions that no sandbox loads.)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import SimpleNamespace

from ._keccak import keccak256
from ._types import Address, Hash

_WORD = 32
# How many times over the bytes of a value may be read. Encoders name each place once; lists whose entries all name one place make
# kilobytes decode to gigabytes.
_READS = 4


class AbiError(ValueError):
    """Bytes that are not what the signature says, or a signature that is none."""


@dataclass(frozen=True)
class _Parameter:
    type: str
    name: str
    indexed: bool = False
    components: tuple[_Parameter, ...] = ()

    @property
    def canonical(self) -> str:
        if not self.type.startswith("tuple"):
            return self.type
        return f"({','.join(one.canonical for one in self.components)}){self.type[5:]}"

    @property
    def array(self) -> tuple[_Parameter, int | None] | None:
        """Of an array, what its entries are, and how many where that is fixed."""
        found = re.fullmatch(r"(.*)\[(\d*)\]", self.type)
        if not found:
            return None
        return _Parameter(found[1], self.name, False, self.components), int(found[2]) if found[2] else None

    @property
    def is_dynamic(self) -> bool:
        if self.array:
            entry, count = self.array
            return count is None or entry.is_dynamic
        if self.type == "tuple":
            return any(one.is_dynamic for one in self.components)
        return self.type in ("bytes", "string")

    @property
    def words(self) -> int:
        """How many words it takes in the head."""
        if self.is_dynamic:
            return 1
        if self.array:
            return self.array[0].words * (self.array[1] or 0)
        return sum(one.words for one in self.components) if self.type == "tuple" else 1


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _parameter(text: str, position: int) -> _Parameter:
    if text.startswith(("(", "tuple(")):
        start, end = text.index("("), text.rindex(")")
        inner = tuple(_parameter(part, at) for at, part in enumerate(_split(text[start + 1 : end])))
        suffix, *words = text[end + 1 :].split(" ") if text[end + 1 :] else [""]
        kind = "tuple" + suffix
    else:
        (kind, *words), inner = text.split(), ()
        kind = re.sub(r"^(u?int)(?=$|\[)", r"\g<1>256", kind)
        if not re.fullmatch(r"(address|bool|string|bytes\d*|u?int\d+)(\[\d*\])*", kind):
            raise AbiError(f"`{kind}` is no type")
    words = [word for word in words if word and word not in ("memory", "calldata", "payable")]
    name = next((word for word in words if word != "indexed"), f"_{position}")
    return _Parameter(kind, name, "indexed" in words, inner)


def _from_json(entry: dict, position: int) -> _Parameter:
    inner = tuple(_from_json(one, at) for at, one in enumerate(entry.get("components", [])))
    return _Parameter(entry["type"], entry.get("name") or f"_{position}", bool(entry.get("indexed")), inner)


def _named(definition: str | dict, keyword: str) -> tuple[str, list[_Parameter], list[_Parameter]]:
    if isinstance(definition, str) and definition.lstrip().startswith("{"):
        definition = json.loads(definition)
    if isinstance(definition, dict):
        lists = (definition.get("inputs", []), definition.get("outputs", []))
        inputs, outputs = ([_from_json(one, at) for at, one in enumerate(entries)] for entries in lists)
        return definition["name"], inputs, outputs
    found = re.fullmatch(rf"\s*(?:{keyword}\s+)?(\w+)\s*\((.*?)\)([^()]*)(?:returns\s*\((.*)\))?\s*;?\s*", definition)
    if not found:
        raise AbiError(f"`{definition}` is no {keyword}: write it as `{keyword} name(type name, …)`")
    inputs, outputs = ([_parameter(part, at) for at, part in enumerate(_split(text or ""))] for text in (found[2], found[4]))
    return found[1], inputs, outputs


class Event:
    """An event: `Transfer(address indexed from, address indexed to, uint256 value)`, or its entry of a JSON ABI."""

    def __init__(self, definition: str | dict):
        self.name, self.inputs, _ = _named(definition, "event")
        self.signature = f"{self.name}({','.join(one.canonical for one in self.inputs)})"
        self.topic = Hash(keccak256(self.signature.encode()))

    def decode(self, log) -> SimpleNamespace | None:
        """The values by name (`from` becomes `from_`); `None` where the log is of another event or not as this one says."""
        if log.topic_count == 0 or log.topic(0) != self.topic:
            return None
        indexed = [one for one in self.inputs if one.indexed]
        if log.topic_count != 1 + len(indexed):
            return None
        try:
            plain = [one for one in self.inputs if not one.indexed]
            values = dict(zip((one.name for one in plain), _decode_all(plain, _Bounded(log.data), 0)))
            for position, one in enumerate(indexed, 1):
                word = log.topic(position)
                values[one.name] = word if one.is_dynamic or one.array or one.components else _decode(one, word, 0, 0)
        except AbiError:
            return None
        return _namespace(values)


class Function:
    """A function: `balanceOf(address owner) returns (uint256)`, or its entry of a JSON ABI."""

    def __init__(self, definition: str | dict):
        self.name, self.inputs, self.outputs = _named(definition, "function")
        self.signature = f"{self.name}({','.join(one.canonical for one in self.inputs)})"
        self.selector = keccak256(self.signature.encode())[:4]

    def encode(self, *values) -> bytes:
        """Calldata."""
        if len(values) != len(self.inputs):
            raise AbiError(f"`{self.signature}` takes {len(self.inputs)} values, not {len(values)}")
        return self.selector + _encode_all(self.inputs, values)

    def decode(self, data: bytes) -> SimpleNamespace:
        """What a call returned, by name; a result without a name is `_0`, `_1` and so on."""
        return _namespace(dict(zip((one.name for one in self.outputs), _decode_all(self.outputs, _Bounded(data), 0))))


def _namespace(values: dict) -> SimpleNamespace:
    import keyword

    return SimpleNamespace(**{name + "_" if keyword.iskeyword(name) else name: value for name, value in values.items()})


class _Bounded(bytes):
    """Bytes of which only so much is read."""

    def __new__(cls, data: bytes):
        self = super().__new__(cls, data)
        self.left = _READS * max(len(data), _WORD)
        return self


def _spend(data: bytes, length: int) -> None:
    if isinstance(data, _Bounded):
        data.left -= length
        if data.left < 0:
            raise AbiError(f"{len(data)} bytes name the same places over and over")


def _word(data: bytes, at: int) -> int:
    _spend(data, _WORD)
    if at + _WORD > len(data):
        raise AbiError(f"{len(data)} bytes end before what is at {at}")
    return int.from_bytes(data[at : at + _WORD], "big")


def _decode_all(parameters, data: bytes, base: int) -> list:
    values, head = [], base
    for one in parameters:
        values.append(_decode(one, data, head, base))
        head += _WORD * one.words
    return values


def _decode(one: _Parameter, data: bytes, at: int, base: int):
    if one.is_dynamic:
        at = base + _word(data, at)
    if one.array:
        entry, count = one.array
        if count is None:
            count, at = _word(data, at), at + _WORD
        if count * max(entry.words, 1) * _WORD > len(data):
            raise AbiError(f"a list of {count} in {len(data)} bytes")
        return _decode_all([entry] * count, data, at)
    if one.type == "tuple":
        return _namespace(dict(zip((inner.name for inner in one.components), _decode_all(one.components, data, at))))
    if one.type in ("bytes", "string"):
        length, at = _word(data, at), at + _WORD
        if at + length > len(data):
            raise AbiError(f"{length} bytes of text in {len(data)}")
        _spend(data, length)
        piece = bytes(data[at : at + length])
        return piece if one.type == "bytes" else piece.decode(errors="replace")
    word = _word(data, at)
    if one.type == "address":
        return Address(word.to_bytes(_WORD, "big")[12:])
    if one.type == "bool":
        return word != 0
    if one.type.startswith("bytes"):
        return word.to_bytes(_WORD, "big")[: int(one.type[5:])]
    return word - (1 << 256) if one.type.startswith("int") and word >> 255 else word


def _encode_all(parameters, values) -> bytes:
    head, tail, room = b"", b"", _WORD * sum(one.words for one in parameters)
    for one, value in zip(parameters, values, strict=True):
        encoded = _encode(one, value)
        if one.is_dynamic:
            head, tail = head + (room + len(tail)).to_bytes(_WORD, "big"), tail + encoded
        else:
            head += encoded
    return head + tail


def _encode(one: _Parameter, value) -> bytes:
    if one.array:
        entry, count = one.array
        return (len(value).to_bytes(_WORD, "big") if count is None else b"") + _encode_all([entry] * len(value), value)
    if one.type == "tuple":
        return _encode_all(one.components, value)
    if one.type in ("bytes", "string"):
        piece = value.encode() if isinstance(value, str) else bytes(value)
        return len(piece).to_bytes(_WORD, "big") + piece + bytes(-len(piece) % _WORD)
    if one.type == "address":
        return bytes(12) + Address(value)
    if one.type.startswith("bytes"):
        return bytes(value).ljust(_WORD, b"\0")
    return (int(value) % (1 << 256)).to_bytes(_WORD, "big")
