"""Config: JSON to the author's dataclass, each error with its key; and the JSON Schema of that dataclass."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from decimal import Decimal, InvalidOperation

from ._types import Address, ConfigError, Hash

_ADDRESS = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
_HASH = {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"}
_DECIMAL = {"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}


def parse(wanted, value, key: str = ""):
    """A value of the type that is wanted."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return parse(next(one for one in arguments if one is not type(None)), value, key)
    if origin is list:
        if not isinstance(value, list):
            raise ConfigError(key, "expected a list")
        return [parse(arguments[0], one, _below(key, at)) for at, one in enumerate(value)]
    if dataclasses.is_dataclass(wanted):
        return _table(wanted, value, key)
    if wanted in (Address, Hash):
        if not isinstance(value, str):
            raise ConfigError(key, "expected an address as text" if wanted is Address else "expected a hash as text")
        try:
            return wanted(value)
        except ValueError as error:
            raise ConfigError(key, str(error)) from None
    if wanted is Decimal:
        if not isinstance(value, str) or not re.fullmatch(_DECIMAL["pattern"], value):
            raise ConfigError(key, 'expected a decimal number as text, such as "1234.5", so that no digit is lost')
        try:
            return Decimal(value)
        except InvalidOperation:
            raise ConfigError(key, f"`{value}` is no decimal number") from None
    names = {int: "a whole number", str: "a text", bool: "true or false"}
    if wanted not in names:
        raise TypeError(f"a config can't hold {wanted}")
    if type(value) is not wanted:
        raise ConfigError(key, f"expected {names[wanted]}")
    return value


def _below(key: str, part) -> str:
    return f"{key}.{part}" if key else str(part)


def _table(wanted, value, key: str):
    if not isinstance(value, dict):
        raise ConfigError(key, "expected a table")
    fields = {one.name: one for one in dataclasses.fields(wanted)}
    for name in value:
        if name not in fields:
            raise ConfigError(_below(key, name), f"unknown key, expected one of {', '.join(fields)}")
    hints, given = typing.get_type_hints(wanted), {}
    for name, one in fields.items():
        if name in value:
            given[name] = parse(hints[name], value[name], _below(key, name))
        elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            raise ConfigError(_below(key, name), "missing")
    return wanted(**given)


def schema(wanted) -> dict:
    """The JSON Schema of a type."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema(one) for one in arguments if one is not type(None)] + [{"type": "null"}]}
    if origin is list:
        return {"type": "array", "items": schema(arguments[0])}
    if dataclasses.is_dataclass(wanted):
        hints = typing.get_type_hints(wanted)
        fields = dataclasses.fields(wanted)
        required = [
            one.name
            for one in fields
            if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        ]
        described = {one.name: _described(one, schema(hints[one.name])) for one in fields}
        return {"type": "object", "properties": described, "required": required, "additionalProperties": False}
    return {
        Address: _ADDRESS,
        Hash: _HASH,
        Decimal: _DECIMAL,
        int: {"type": "integer"},
        str: {"type": "string"},
        bool: {"type": "boolean"},
    }[wanted]


def _described(one, made: dict) -> dict:
    told = one.metadata.get("description")
    return {**made, "description": told} if told else made
