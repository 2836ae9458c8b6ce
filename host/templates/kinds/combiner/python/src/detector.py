"""Finds signs of one attack that come together, each of them another detector's finding."""

from __future__ import annotations

from dataclasses import dataclass

import watchfire
from watchfire import ConfigError, Finding, Kind, Severity, state, subscriptions


@dataclass
class Config:
    """What the operator writes."""

    kinds: list[str]
    """Kinds of findings that mean more together than alone."""
    within_s: int
    """How near together they come, seconds of chain time."""


class Together(watchfire.Detector):
    name, version = "my-rule", "0.1.0"
    summary = "Finds signs of one attack that come together."
    kinds = [Kind("together", Severity.CRITICAL, "Findings of all these kinds came within the span.")]
    capabilities = ["findings", "state"]
    Config = Config

    def start(self, config: Config):
        if len(config.kinds) < 2:
            raise ConfigError("kinds", "name two at least")
        self.config = config
        return [subscriptions.findings(kinds=config.kinds)]

    def on_batch(self, batch):
        now_s, config = batch.timestamp_s, self.config
        for heard in batch.findings:
            state.put(b"seen" + heard.kind.encode(), now_s.to_bytes(8, "big"))
        for kind in config.kinds:
            seen = state.get(b"seen" + kind.encode())
            if seen is None or int.from_bytes(seen, "big") + config.within_s < now_s:
                return
        if not batch.findings:
            return
        newest = batch.findings[-1]
        yield Finding(
            "together",
            Severity.CRITICAL,
            newest.subject,
            title=f"{' and '.join(config.kinds)} within {config.within_s} s",
            description=f"Now: {'; '.join(heard.title for heard in batch.findings)}.",
            attributes={"newest": newest.detector},
            evidence=[transaction for heard in batch.findings for transaction in heard.transactions],
        )


watchfire.export(Together)
