"""Finds a contract that is entered again before it is done."""

from __future__ import annotations

from dataclasses import dataclass

import watchfire
from watchfire import Address, ConfigError, Finding, Kind, Severity, subscriptions

RUN_ANOTHERS_CODE = ("delegatecall", "callcode")


@dataclass
class Config:
    """What the operator writes."""

    watch: list[Address]
    """The contracts that are watched."""


class Reentrance(watchfire.Detector):
    name, version = "my-rule", "0.1.0"
    summary = "Finds a contract that is entered again before it is done."
    kinds = [Kind("reentrance", Severity.CRITICAL, "A watched contract was entered again before it was done.")]
    capabilities = ["traces"]
    Config = Config

    def start(self, config: Config):
        if not config.watch:
            raise ConfigError("watch", "name at least one contract")
        self.watch = frozenset(config.watch)
        # All of them: whether a call stands within another is known only by those between.
        return [subscriptions.frames()]

    def on_batch(self, batch):
        # Contracts at work in a transaction, from its own call inwards, and those that were told of it.
        open_, told = [], set()
        for frame in batch.frames:
            del open_[frame.depth :]
            caller = open_[-1] if open_ else None
            # A delegatecall runs another's code, and its caller stays the one at work.
            at_work = caller if frame.kind in RUN_ANOTHERS_CODE else frame.target
            is_again = at_work in open_ and at_work != caller
            open_.append(at_work)
            key = (frame.transaction_index, at_work)
            if frame.kind != "call" or not frame.success or not is_again or at_work not in self.watch or key in told:
                continue
            told.add(key)
            yield Finding(
                "reentrance",
                Severity.CRITICAL,
                ("address", str(at_work)),
                title=f"{at_work} was entered again before it was done",
                description=f"By {frame.sender}, {frame.depth} calls deep.",
                evidence=[frame],
            )


watchfire.export(Reentrance)
