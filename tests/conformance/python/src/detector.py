"""The detector that is written in every language, in Python."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import watchfire
from watchfire import (
    Address,
    ConfigError,
    DetectorError,
    Event,
    Finding,
    Function,
    Kind,
    Severity,
    chain,
    keccak256,
    log,
    state,
    subscriptions,
)
from watchfire.units import MAX_U256, from_units, to_units

TRANSFER = Event("Transfer(address indexed from, address indexed to, uint256 value)")
LATEST_ROUND = Function(
    "latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)"
)
PRICE = b"price"
DIGITS = 18


@dataclass
class Watch:
    address: Address
    label: str


@dataclass
class Oracle:
    address: Address
    decimals: int
    feed: str
    max_gap_bps: int
    every_blocks: int


@dataclass
class Config:
    token: Address
    symbol: str
    decimals: int
    watch: list[Watch]
    window_s: int
    limit: Decimal
    oracle: Oracle | None = None


class Conformance(watchfire.Detector):
    name, version = "conformance", "0.1.0"
    summary = "Finds a token leaving watched accounts, and a price that is off."
    kinds = [
        Kind("outflow", Severity.HIGH, "More of a token left an account within the window than its limit."),
        Kind("price-gap", Severity.MEDIUM, "The oracle and the feed are apart."),
    ]
    capabilities = ["chain", "state", "feeds"]
    Config = Config

    def start(self, config):
        if config.window_s <= 0:
            raise ConfigError("window_s", "a window has at least one second")
        if not config.watch:
            raise ConfigError("watch", "name at least one account")
        if not 0 <= config.decimals <= 36:
            raise ConfigError("decimals", "at most 36")
        oracle = config.oracle
        if oracle and not 0 <= oracle.decimals <= 18:
            raise ConfigError("oracle.decimals", "at most 18")
        if oracle and oracle.every_blocks <= 0:
            raise ConfigError("oracle.every_blocks", "at least 1")
        self.config = config
        self.worth_decimals = oracle.decimals if oracle else config.decimals
        try:
            self.limit = to_units(config.limit, self.worth_decimals)
        except ValueError as error:
            raise ConfigError("limit", str(error)) from None
        senders = [watch.address for watch in config.watch]
        yield subscriptions.logs([config.token], TRANSFER, {1: senders})
        if oracle:
            yield subscriptions.feed(oracle.feed)
            yield subscriptions.every_blocks(oracle.every_blocks)

    def on_batch(self, batch):
        oracle = self.config.oracle
        if oracle and batch.trigger == "feed":
            for seen in batch.observations:
                if seen.feed == oracle.feed:
                    state.put(PRICE, seen.value.encode())
            return
        for watch in self.config.watch:
            yield from self.outflow(batch, watch)
        if oracle and batch.due:
            yield from self.gap(oracle)

    def outflow(self, batch, watch):
        decoded = ((one, TRANSFER.decode(one)) for one in batch.logs)
        transfers = [(one, transfer) for one, transfer in decoded if transfer and transfer.from_ == watch.address]
        out = min(sum(transfer.value for _, transfer in transfers), MAX_U256)
        if not out:
            return
        config, oracle = self.config, self.config.oracle
        total = state.Rolling(b"out" + watch.address, config.window_s).add(batch.timestamp_s, out)
        each = price(oracle) if oracle else None
        worth = min(total * each, MAX_U256) // 10**config.decimals if each else total
        if worth <= self.limit:
            return
        told = state.Counter(b"told" + watch.address).add()
        log.debug(f"{total} units left {watch.address}")
        limit = from_units(self.limit, self.worth_decimals)
        if each:
            told_worth = (from_units(units, self.worth_decimals) for units in (worth, each))
            description = "Worth {} at {} each, over the limit of {}.".format(*told_worth, limit)
        else:
            description = f"Over the limit of {limit}."
        yield Finding(
            "outflow",
            Severity.CRITICAL if worth // 2 >= self.limit else Severity.HIGH,
            ("address", str(watch.address)),
            confidence_percent=95 if oracle else 80,
            title=f"{watch.label}: {from_units(total, config.decimals)} {config.symbol} left within {config.window_s} s",
            description=description,
            amounts=[(str(config.token), total)],
            attributes={
                "transfers": len(transfers),
                "told": told,
                "code": "0x" + keccak256(watch.label.encode())[:4].hex(),
            },
            evidence=[one for one, _ in transfers],
            condition_key=str(watch.address),
        )

    def gap(self, oracle):
        told = state.get(PRICE)
        if told is None:
            return
        feed = to_units(Decimal(told.decode()), DIGITS)
        onchain = price(oracle)
        scaled = onchain * 10 ** (DIGITS - oracle.decimals)
        gap_bps = abs(feed - scaled) * 10_000 // scaled
        if gap_bps <= oracle.max_gap_bps:
            return
        yield Finding(
            "price-gap",
            Severity.MEDIUM,
            ("feed", oracle.feed),
            title=f"{oracle.feed}: {gap_bps} bps apart",
            description=f"The oracle says {from_units(onchain, oracle.decimals)}, the feed {from_units(feed, DIGITS)}.",
            attributes={"gap_bps": gap_bps},
        )


def price(oracle: Oracle) -> int:
    """The oracle's price, in its units."""
    answer = chain.call(oracle.address, LATEST_ROUND).answer
    if not 0 < answer < 1 << 128:
        raise DetectorError(f"the oracle's price {answer} is not plausible")
    return answer


watchfire.export(Conformance)
