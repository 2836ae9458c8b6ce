"""Finds large transfers of a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import watchfire
from watchfire import Address, ConfigError, Event, Finding, Kind, Severity, subscriptions
from watchfire.units import from_units, to_units

TRANSFER = Event("Transfer(address indexed from, address indexed to, uint256 value)")


@dataclass
class Config:
    """What the operator writes."""

    token: Address = field(metadata={"description": "The token's contract."})
    symbol: str = field(metadata={"description": "What findings call it."})
    decimals: int = field(metadata={"description": "Digits behind the point of a whole token."})
    limit: Decimal = field(metadata={"description": "Largest transfer that is not told, in whole tokens."})


class LargeTransfers(watchfire.Detector):
    name, version = "my-rule", "0.1.0"
    summary = "Finds large transfers of a token."
    kinds = [Kind("large-transfer", Severity.HIGH, "More of a token moved at once than the limit.")]
    Config = Config

    def start(self, config: Config):
        self.config = config
        try:
            self.limit = to_units(config.limit, config.decimals)
        except ValueError as error:
            raise ConfigError("limit", str(error)) from None
        return [subscriptions.logs([config.token], TRANSFER)]

    def on_batch(self, batch):
        for log in batch.logs:
            transfer = TRANSFER.decode(log)
            if not transfer or transfer.value <= self.limit:
                continue
            amount = from_units(transfer.value, self.config.decimals)
            limit = from_units(self.limit, self.config.decimals)
            yield Finding(
                "large-transfer",
                Severity.HIGH,
                ("address", str(transfer.from_)),
                title=f"{amount} {self.config.symbol} moved",
                description=f"To {transfer.to}, over the limit of {limit}.",
                amounts=[(str(self.config.token), transfer.value)],
                evidence=[log],
            )


watchfire.export(LargeTransfers)
