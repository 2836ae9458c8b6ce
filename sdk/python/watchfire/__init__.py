"""Write Watchfire detectors in Python.

A detector is a class that is exported; `watchfire plugin build` makes a component of its module:

    from dataclasses import dataclass

    import watchfire
    from watchfire import Address, Event, Finding, Kind, Severity, subscriptions

    PAUSED = Event("Paused(address account)")

    @dataclass
    class Config:
        watch: list[Address]

    class Pauses(watchfire.Detector):
        name, version = "pauses", "0.1.0"
        summary = "Tells when a watched contract is paused."
        kinds = [Kind("paused", Severity.MEDIUM, "A watched contract was paused.")]
        Config = Config

        def start(self, config):
            return [subscriptions.logs(config.watch, PAUSED)]

        def on_batch(self, batch):
            for log in batch.logs:
                if paused := PAUSED.decode(log):
                    yield Finding("paused", Severity.MEDIUM, ("address", log.address),
                                  title=f"{paused.account} paused the contract", evidence=[log])

    watchfire.export(Pauses)

The module is imported when the component is built, and frozen. Attributes of the detector are a cache that the host may drop
between any two batches: what must last belongs in `watchfire.state`. There is no clock, no randomness, no file, no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import abi, chain, log, state, subscriptions, units
from ._guest import export
from ._keccak import keccak256
from ._types import Address, ConfigError, DetectorError, Finding, Hash, Kind, Severity
from .abi import Event, Function
from .batch import Batch, Creation, Frame, Heard, Log, Observation, StorageChange, Transaction

__version__ = "0.1.0"

__all__ = [
    "Address",
    "Batch",
    "ConfigError",
    "Creation",
    "Detector",
    "DetectorError",
    "Event",
    "Finding",
    "Frame",
    "Function",
    "Hash",
    "Heard",
    "Kind",
    "Log",
    "Observation",
    "Severity",
    "StorageChange",
    "Transaction",
    "abi",
    "chain",
    "export",
    "keccak256",
    "log",
    "state",
    "subscriptions",
    "units",
]


class Detector:
    """A rule that looks at batches and tells what it finds."""

    name: str
    """Kebab-case, stable across versions."""
    version: str
    """Semantic version."""
    summary: str
    """What it looks for, in a sentence or two."""
    kinds: list[Kind] = []
    capabilities: list[str] = []
    """What it asks for: `chain`, `state`, `traces`, `storage`, `mempool`, `feeds`, `findings`."""

    @dataclass
    class Config:
        """What the operator writes, as a dataclass of `int`, `str`, `bool`, `Decimal`, `Address`, `Hash`, lists, and tables."""

    def start(self, config) -> Iterable:
        """Checks the config and says what the detector wants to see. Called on each fresh instance, at any batch."""
        raise NotImplementedError

    def on_batch(self, batch: Batch) -> Iterable[Finding]:
        """Looks at one batch."""
        raise NotImplementedError
