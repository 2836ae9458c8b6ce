"""A detector against the interface alone: no SDK, plain records, what `componentize-py` gives and Python.

It finds transfers of half a million or more units of a token with 6 decimals, counts them in the state, and reads an oracle
every tenth block. `../bare-c/src/detector.c` is the same.
"""

from componentize_py_types import Err
from wit_world.imports import chain, state
from wit_world.imports.types import (
    ConfigError,
    Finding,
    FindingKind,
    LogFilter,
    LogReference,
    Manifest,
    Severity,
    Subject,
    Subscription_EveryBlocks,
    Subscription_Logs,
)

TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
ORACLE = bytes.fromhex("9fe46736679d2d9a65f0992f2272de9f3c7fa6e0")
LATEST_ROUND_DATA = bytes.fromhex("feaf968c")
LIMIT = 500_000 * 10**6


def count(emitter: bytes) -> int:
    total = int.from_bytes(state.get(emitter) or b"", "big") + 1
    state.put(emitter, total.to_bytes(8, "big"))
    return total


def finding(kind: str, severity: Severity, subject: bytes, title: str) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        confidence_percent=100,
        title=title,
        description="",
        subject=Subject("address", "0x" + subject.hex()),
        transactions=[],
        logs=[],
        amounts=[],
        attributes=[],
        condition_key="",
    )


class Guest:
    def describe(self) -> Manifest:
        kinds = [
            FindingKind("large-transfer", Severity.HIGH, "Much of a token moved.", ""),
            FindingKind("price", Severity.INFO, "What the oracle says.", ""),
        ]
        summary = "Finds large transfers, against the interface alone."
        return Manifest("bare", "0.1.0", summary, kinds, ["chain", "state"], "{}")

    def start(self, config: str):
        if config != "{}":
            raise Err(ConfigError("", "it has no settings"))
        return [Subscription_Logs(LogFilter([], [[TRANSFER]])), Subscription_EveryBlocks(10)]

    def on_batch(self, batch) -> list[Finding]:
        findings = []
        for log in batch.logs():
            value = int.from_bytes(log.data, "big")
            if len(log.data) != 32 or len(log.topics) != 3 or not LIMIT <= value < 1 << 64:
                continue
            title = f"transfer {count(log.address)} of {value} units"
            found = finding("large-transfer", Severity.HIGH, log.address, title)
            found.transactions = [log.transaction_hash]
            found.logs = [LogReference(batch.block_number(), log.log_index)]
            found.attributes = [("to", "0x" + log.topics[2].hex())]
            findings.append(found)
        if batch.due_ticks():
            try:
                answer = chain.call(ORACLE, LATEST_ROUND_DATA)
            except Err as error:
                raise Err(f"the oracle: {error.value.code}") from None
            told = "0x" + answer[32:64].hex() if len(answer) >= 64 else "nothing"
            findings.append(finding("price", Severity.INFO, ORACLE, f"the oracle says {told}"))
        return findings
