"""Exact numbers: integers in a smallest unit, decimals for people, and never a float."""

from __future__ import annotations

from decimal import Decimal

MAX_U256 = (1 << 256) - 1


def to_units(value: Decimal, decimals: int) -> int:
    """In units of which 10^decimals make one. Raises `ValueError` where it is negative, finer, or too large."""
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits)))
    if sign and number:
        raise ValueError(f"{value} is negative")
    shift = decimals + exponent
    if shift < 0:
        number, finer = divmod(number, 10**-shift)
        if finer:
            raise ValueError(f"{value} has more than {decimals} digits behind the point")
    else:
        number *= 10**shift
    if number > MAX_U256:
        raise ValueError(f"{value} is too large for {decimals} decimals")
    return number


def from_units(units: int, decimals: int) -> str:
    """For people, without trailing zeros: 1,500,000 units of 6 decimals are `1.5`."""
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole
