"""Reads of the chain as it stood after the block under inspection. Each counts against the detector's budget."""

from __future__ import annotations

from types import SimpleNamespace

from componentize_py_types import Err
from wit_world.imports import chain as _host

from ._types import Address, DetectorError, Hash
from .abi import Function


class ChainError(DetectorError):
    """Why a read gave no answer; `code` is `denied`, `budget`, `reverted`, `unavailable` or `invalid`."""

    def __init__(self, error):
        super().__init__(f"{error.code}: {error.message}")
        self.code, self.data = error.code, error.data


def _told(read, *arguments) -> bytes:
    try:
        return read(*arguments)
    except Err as error:
        raise ChainError(error.value) from None


def call(to: Address, function: Function, *values) -> SimpleNamespace:
    """Calls a function and gives what it returns, by name."""
    return function.decode(call_raw(to, function.encode(*values)))


def call_raw(to: Address, data: bytes) -> bytes:
    """`eth_call` with calldata of one's own."""
    return _told(_host.call, to, data)


def storage_at(address: Address, slot: Hash) -> Hash:
    """What a storage slot holds."""
    return Hash(_told(_host.storage_at, address, slot))


def balance(address: Address) -> int:
    """Native balance, in wei."""
    return int.from_bytes(_told(_host.balance, address), "big")


def code(address: Address) -> bytes:
    """A contract's code; empty where there is none."""
    return _told(_host.code, address)
