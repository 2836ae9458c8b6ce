"""Finds a price on the chain that is not what the rest of the world says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import watchfire
from watchfire import Address, ConfigError, DetectorError, Finding, Function, Kind, Severity, chain, state, subscriptions
from watchfire.units import from_units, to_units

LATEST_ROUND = Function(
    "latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)"
)
DIGITS = 18
"""Digits that both prices are brought to."""
PRICE = b"price"
"""Where the feed's newest price is kept, as the feed wrote it."""


@dataclass
class Config:
    """What the operator writes."""

    aggregator: Address
    """The contract that has the price, with Chainlink's `latestRoundData`."""
    decimals: int
    feed: str
    """The feed that it is held against."""
    max_gap_bps: int
    """How far they may be apart, in hundredths of a percent of the aggregator's price."""
    every_blocks: int


class PriceGap(watchfire.Detector):
    name, version = "my-rule", "0.1.0"
    summary = "Finds a price on the chain that is not what the rest of the world says."
    kinds = [Kind("price-gap", Severity.HIGH, "The aggregator and the feed are apart.")]
    capabilities = ["chain", "state", "feeds"]
    Config = Config

    def start(self, config: Config):
        if not 0 <= config.decimals <= DIGITS:
            raise ConfigError("decimals", "at most 18")
        if config.every_blocks <= 0:
            raise ConfigError("every_blocks", "at least 1")
        self.config = config
        return [subscriptions.feed(config.feed), subscriptions.every_blocks(config.every_blocks)]

    def on_batch(self, batch):
        for seen in batch.observations:
            state.put(PRICE, seen.value.encode())
        told = state.get(PRICE)
        if not batch.due or told is None:
            return
        config = self.config
        feed = to_units(Decimal(told.decode()), DIGITS)
        price = chain.call(config.aggregator, LATEST_ROUND).answer
        if not 0 < price < 1 << 128:
            raise DetectorError(f"the aggregator's price {price} is not plausible")
        scaled = price * 10 ** (DIGITS - config.decimals)
        gap_bps = abs(feed - scaled) * 10_000 // scaled
        if gap_bps <= config.max_gap_bps:
            return
        yield Finding(
            "price-gap",
            Severity.HIGH,
            ("feed", config.feed),
            title=f"{config.feed}: {gap_bps} bps apart",
            description=f"The aggregator says {from_units(price, config.decimals)}, the feed {from_units(feed, DIGITS)}.",
            attributes={"gap_bps": gap_bps},
        )


watchfire.export(PriceGap)
