"""What a detector must remember. The host keeps it: it commits with the findings of the batch and is undone with a reverted
block, while attributes of the detector are a cache that may be gone at the next batch."""

from __future__ import annotations

from collections.abc import Iterator

from componentize_py_types import Err
from wit_world.imports import state as _host

from ._types import DetectorError
from .units import MAX_U256

_PAGE = 256


class StateError(DetectorError):
    """Why something could not be remembered; `code` is `quota`, `denied` or `invalid`."""

    def __init__(self, error):
        super().__init__(f"the state: {error.code}: {error.message}")
        self.code = error.code


def get(key: bytes) -> bytes | None:
    """The bytes under a key."""
    return _host.get(key)


def put(key: bytes, value: bytes) -> None:
    """Puts bytes under a key."""
    try:
        _host.put(key, value)
    except Err as error:
        raise StateError(error.value) from None


def delete(key: bytes) -> None:
    """Removes a key."""
    _host.delete(key)


def scan(prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Entries whose key starts with `prefix`, in the order of their keys."""
    after = None
    while page := _host.scan(prefix, after, _PAGE):
        yield from page
        after = page[-1][0]


class Counter:
    """A count of 8 bytes."""

    def __init__(self, key: bytes):
        self._key = key

    @property
    def value(self) -> int:
        return int.from_bytes(get(self._key) or b"", "big")

    def add(self, count: int = 1) -> int:
        """Adds to it and gives what it counts then."""
        total = min(self.value + count, (1 << 64) - 1)
        put(self._key, total.to_bytes(8, "big"))
        return total


class Rolling:
    """A sum over the last `span_s` seconds of chain time, exact to the second, laid out alike in every SDK.

    No other key may begin with its key."""

    def __init__(self, key: bytes, span_s: int):
        self._key, self._span_s = key, span_s

    def add(self, now_s: int, amount: int) -> int:
        """Adds an amount, forgets what the span has left behind, and gives the sum. It stays at the largest 256-bit number
        rather than wrap."""
        total = now = amount
        for key, value in scan(self._key):
            second, value = int.from_bytes(key[len(self._key) :], "big"), int.from_bytes(value, "big")
            if second + self._span_s <= now_s:
                delete(key)
                continue
            total += value
            if second == now_s:
                now += value
        put(self._key + now_s.to_bytes(8, "big"), min(now, MAX_U256).to_bytes(32, "big"))
        return min(total, MAX_U256)
