"""Finds a token leaving an account faster than a limit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import watchfire
from watchfire import Address, ConfigError, Event, Finding, Kind, Severity, state, subscriptions
from watchfire.units import from_units, to_units

TRANSFER = Event("Transfer(address indexed from, address indexed to, uint256 value)")


@dataclass
class Config:
    """What the operator writes."""

    account: Address
    """The account that is watched."""
    token: Address
    """The token that must not leave it."""
    symbol: str
    decimals: int
    window_s: int
    """The window, seconds of chain time."""
    limit: Decimal
    """Most that may leave within the window, in whole tokens."""


class Outflow(watchfire.Detector):
    name, version = "my-rule", "0.1.0"
    summary = "Finds a token leaving an account faster than a limit."
    kinds = [Kind("outflow", Severity.HIGH, "More of the token left the account within the window than the limit.")]
    capabilities = ["state"]
    Config = Config

    def start(self, config: Config):
        if config.window_s <= 0:
            raise ConfigError("window_s", "a window has at least one second")
        self.config = config
        try:
            self.limit = to_units(config.limit, config.decimals)
        except ValueError as error:
            raise ConfigError("limit", str(error)) from None
        return [subscriptions.logs([config.token], TRANSFER, {1: [config.account]})]

    def on_batch(self, batch):
        transfers = [log for log in batch.logs if TRANSFER.decode(log)]
        out = sum(TRANSFER.decode(log).value for log in transfers)
        if not out:
            return
        config = self.config
        total = state.Rolling(b"out", config.window_s).add(batch.timestamp_s, out)
        if total <= self.limit:
            return
        shown = {name: from_units(value, config.decimals) for name, value in [("total", total), ("out", out), ("limit", self.limit)]}
        yield Finding(
            "outflow",
            Severity.CRITICAL if total // 2 >= self.limit else Severity.HIGH,
            ("address", str(config.account)),
            title=f"{shown['total']} {config.symbol} left within {config.window_s} s",
            description=f"{shown['out']} of it in this block, over the limit of {shown['limit']}.",
            amounts=[(str(config.token), total)],
            attributes={"transfers": len(transfers)},
            evidence=transfers,
        )


watchfire.export(Outflow)
