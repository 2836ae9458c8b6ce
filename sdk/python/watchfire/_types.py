"""Addresses, hashes, severities and what is told."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from ._keccak import keccak256


class Address(bytes):
    """20 bytes; as text with the mixed case of EIP-55."""

    def __new__(cls, value: bytes | str) -> Address:
        if isinstance(value, str):
            if len(value) != 42 or not value.startswith("0x"):
                raise ValueError(f"`{value}` is no address: 0x and 40 hexadecimal digits")
            value = bytes.fromhex(value[2:])
        if len(value) != 20:
            raise ValueError(f"an address has 20 bytes, not {len(value)}")
        return super().__new__(cls, value)

    @property
    def word(self) -> Hash:
        """As a topic has it."""
        return Hash(bytes(12) + self)

    def __str__(self) -> str:
        digits = self.hex()
        marks = keccak256(digits.encode()).hex()
        return "0x" + "".join(c.upper() if mark >= "8" else c for c, mark in zip(digits, marks))

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


class Hash(bytes):
    """32 bytes: a hash, topic, slot or any other word."""

    def __new__(cls, value: bytes | str) -> Hash:
        if isinstance(value, str):
            value = bytes.fromhex(value.removeprefix("0x"))
        if len(value) != 32:
            raise ValueError(f"a hash has 32 bytes, not {len(value)}")
        return super().__new__(cls, value)

    @property
    def address(self) -> Address:
        """The address in it."""
        return Address(self[12:])

    def __int__(self) -> int:
        return int.from_bytes(self, "big")

    def __str__(self) -> str:
        return "0x" + self.hex()

    def __repr__(self) -> str:
        return f"Hash({str(self)!r})"


class Severity(enum.IntEnum):
    """How bad it would be if the finding is true."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class DetectorError(Exception):
    """Ends this batch: its findings and its state are dropped, and the host says why."""


class ConfigError(Exception):
    """A config that can't be worked with: the dotted path of a key, and what is wrong."""

    def __init__(self, key: str, message: str):
        super().__init__(f"`{key}`: {message}" if key else message)
        self.key, self.message = key, message


@dataclass(frozen=True)
class Kind:
    """A kind of finding."""

    id: str
    default_severity: Severity
    description: str
    runbook_url: str = ""


@dataclass
class Finding:
    """What a detector claims. Amounts are in the asset's smallest unit; evidence is logs and transactions."""

    kind: str
    severity: Severity
    subject: tuple[str, str]
    """What it is about: a kind such as `address`, `pool` or `feed`, and which one."""
    title: str = ""
    description: str = ""
    confidence_percent: int = 100
    evidence: list = field(default_factory=list)
    """Logs, transactions and call frames of the batch, or hashes of transactions."""
    amounts: list[tuple[str, int]] = field(default_factory=list)
    """`native`, a token's address or a label such as `usd`, and how much."""
    attributes: dict[str, object] = field(default_factory=dict)
    condition_key: str = ""
    """Findings of one kind about one subject with the same key are one condition."""
