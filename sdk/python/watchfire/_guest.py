"""Between the interface and the author's detector: only moves, and errors as Python tells them."""

from __future__ import annotations

import json
import linecache
import sys
import traceback

from componentize_py_types import Err
from wit_world.imports import types as _wit

from . import _config
from ._types import ConfigError, DetectorError, Finding, Hash
from .batch import Batch, Frame, Log

_exported: list = []


def export(detector) -> None:
    """Makes a class the component's detector."""
    _exported[:] = [detector]
    _keep_sources()


def _keep_sources() -> None:
    """Reads the source lines that tracebacks show while there are files: this runs when the component is built."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path and path.endswith(".py"):
            linecache.getlines(path)
    linecache.checkcache = lambda filename=None: None
    linecache.updatecache = lambda filename, module_globals=None: []


def _detector():
    if not _exported:
        raise RuntimeError("no detector: end the module with `watchfire.export(YourDetector)`")
    return _exported[0]


def _told(error: BaseException) -> str:
    """The exception as Python prints it, the innermost place last."""
    return "".join(traceback.format_exception(error)).strip()


def _list(values) -> list[bytes]:
    return [bytes(value) for value in values]


def _claim(finding: Finding, batch: Batch) -> _wit.Finding:
    transactions, logs = [], []
    for one in finding.evidence:
        if isinstance(one, Log):
            logs.append(_wit.LogReference(batch.block_number, one.index))
        found = one if isinstance(one, Hash) else one.transaction_hash if isinstance(one, (Log, Frame)) else one.hash
        if any(found) and found not in transactions:
            transactions.append(found)
    return _wit.Finding(
        kind=finding.kind,
        severity=_wit.Severity(int(finding.severity)),
        confidence_percent=max(0, min(100, finding.confidence_percent)),
        title=finding.title or finding.kind,
        description=finding.description,
        subject=_wit.Subject(finding.subject[0], str(finding.subject[1])),
        transactions=_list(transactions),
        logs=logs,
        amounts=[_wit.Amount(str(asset), str(value)) for asset, value in finding.amounts],
        attributes=[(key, str(value)) for key, value in finding.attributes.items()],
        condition_key=str(finding.condition_key),
    )


class Guest:
    """What the component exports."""

    _started = None

    def describe(self) -> _wit.Manifest:
        detector = _detector()
        kinds = [
            _wit.FindingKind(one.id, _wit.Severity(int(one.default_severity)), one.description, one.runbook_url)
            for one in detector.kinds
        ]
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_config.schema(detector.Config)}
        return _wit.Manifest(
            detector.name, detector.version, detector.summary, kinds, list(detector.capabilities), json.dumps(schema)
        )

    def start(self, config: str):
        try:
            started = _detector()()
            subscriptions = list(started.start(_config.parse(started.Config, json.loads(config))))
        except ConfigError as error:
            raise Err(_wit.ConfigError(error.key, error.message)) from None
        except Exception as error:
            raise Err(_wit.ConfigError("", _told(error))) from None
        Guest._started = started
        return subscriptions

    def on_batch(self, batch) -> list[_wit.Finding]:
        seen = Batch(batch)
        try:
            return [_claim(finding, seen) for finding in Guest._started.on_batch(seen) or ()]
        except DetectorError as error:
            raise Err(str(error)) from None
        except Exception as error:
            raise Err(_told(error)) from None
