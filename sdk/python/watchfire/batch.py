"""The batch: columns, copied from the host when they are first asked for, and rows that look into them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from ._types import Address, Hash, Severity


class Log:
    """A log. It looks into the columns of its batch."""

    __slots__ = ("_batch", "_at")

    def __init__(self, batch: Batch, at: int):
        self._batch, self._at = batch, at

    @property
    def address(self) -> Address:
        """Who emitted it."""
        return Address(self._batch._log_addresses[20 * self._at : 20 * self._at + 20])

    @property
    def topic_count(self) -> int:
        """How many topics it has."""
        return self._batch._log_topic_counts[self._at]

    def topic(self, position: int) -> Hash:
        """The topic at a position, 0 to 3; zeros where it has none there."""
        return Hash(self._batch._log_topics(position)[32 * self._at : 32 * self._at + 32])

    @property
    def data(self) -> bytes:
        """What is not indexed."""
        start, end = self._batch._log_offsets[self._at : self._at + 2]
        return self._batch._log_data[start:end]

    @property
    def index(self) -> int:
        """Position among the logs of its block."""
        return self._batch._log_indexes[self._at]

    @property
    def transaction_index(self) -> int:
        """Position of its transaction in its block."""
        return self._batch._log_transaction_indexes[self._at]

    @property
    def transaction_hash(self) -> Hash:
        """Hash of its transaction."""
        return self._batch.transaction_hash(self.transaction_index)


class Transaction:
    """A transaction. It looks into the columns of its batch."""

    __slots__ = ("_batch", "_at")

    def __init__(self, batch: Batch, at: int):
        self._batch, self._at = batch, at

    @property
    def hash(self) -> Hash:
        """Its hash."""
        return Hash(self._batch._transaction_hashes[32 * self._at : 32 * self._at + 32])

    @property
    def index(self) -> int:
        """Position in its block."""
        return self._batch._transaction_indexes[self._at]

    @property
    def sender(self) -> Address:
        """Who signed it."""
        return Address(self._batch._transaction_senders[20 * self._at : 20 * self._at + 20])

    @property
    def recipient(self) -> Address:
        """Whom it calls; zeros where it makes a contract."""
        return Address(self._batch._transaction_recipients[20 * self._at : 20 * self._at + 20])

    @property
    def value(self) -> int:
        """In wei."""
        return int.from_bytes(self._batch._transaction_values[32 * self._at : 32 * self._at + 32], "big")

    @property
    def input(self) -> bytes:
        """Calldata."""
        start, end = self._batch._transaction_offsets[self._at : self._at + 2]
        return self._batch._transaction_inputs[start:end]

    @property
    def success(self) -> bool | None:
        """Whether it went through; `None` where that is not known yet."""
        return {0: False, 1: True}.get(self._batch._transaction_statuses[self._at])


class Frame:
    """A call frame, as a tracer gives it. Nothing in a block's header covers these."""

    __slots__ = ("_row",)

    def __init__(self, row):
        self._row = row

    transaction_index = property(lambda self: self._row.transaction_index, doc="Position of its transaction in the block.")
    depth = property(lambda self: self._row.depth, doc="0 for the transaction's own call.")
    kind = property(lambda self: self._row.kind, doc="`call`, `staticcall`, `delegatecall`, `callcode`, `create`, …")
    input = property(lambda self: self._row.input, doc="Calldata.")
    output = property(lambda self: self._row.output, doc="What it returned, or its revert data.")
    gas_used = property(lambda self: self._row.gas_used)
    success = property(lambda self: self._row.success, doc="False where it, or any frame around it, was reverted.")

    @property
    def transaction_hash(self) -> Hash:
        """Hash of its transaction."""
        return Hash(self._row.transaction_hash)

    @property
    def sender(self) -> Address:
        """Who calls."""
        return Address(self._row.sender)

    @property
    def target(self) -> Address | None:
        """Who is called, or made; `None` for a creation that failed."""
        return Address(self._row.target) if self._row.target else None

    @property
    def value(self) -> int:
        """Native value that it moves, in wei."""
        return int.from_bytes(self._row.value, "big")

    @property
    def selector(self) -> bytes:
        """The first four bytes of the calldata; none where there are fewer."""
        return self._row.input[:4] if len(self._row.input) >= 4 else b""


@dataclass(frozen=True)
class StorageChange:
    """A storage slot that a transaction changed."""

    transaction_index: int
    address: Address
    slot: Hash
    before: Hash
    after: Hash


@dataclass(frozen=True)
class Creation:
    """A contract that came into being."""

    transaction_index: int
    creator: Address
    address: Address


@dataclass(frozen=True)
class Heard:
    """What another detector found."""

    detector: str
    """The other detector's id in the config."""
    id: str
    """The finding's id."""
    kind: str
    severity: Severity
    confidence_percent: int
    title: str
    description: str
    subject: tuple[str, str]
    transactions: tuple[Hash, ...]
    amounts: tuple[tuple[str, int], ...]
    attributes: dict[str, str]


@dataclass(frozen=True)
class Observation:
    """What a feed said. Times are milliseconds since the Unix epoch."""

    feed: str
    observed_at_ms: int
    received_at_ms: int
    kind: str
    value: str

    @property
    def number(self) -> Decimal:
        """The value, where it is a number."""
        return Decimal(self.value)


class Batch:
    """What the host shows: narrowed to the subscriptions, and copied as far as it is asked for."""

    def __init__(self, raw):
        self.raw = raw
        """The batch as the interface has it."""
        self._topics: dict[int, bytes] = {}
        self._hashes: dict[int, Hash] = {}

    @cached_property
    def trigger(self) -> str:
        """What brought it about: `block`, `feed` or `pending`."""
        return self.raw.trigger()

    @cached_property
    def chain_id(self) -> int:
        return self.raw.chain_id()

    @cached_property
    def block_number(self) -> int:
        return self.raw.block_number()

    @cached_property
    def block_hash(self) -> Hash:
        return Hash(self.raw.block_hash())

    @cached_property
    def timestamp_s(self) -> int:
        """Chain time, seconds since the Unix epoch."""
        return self.raw.timestamp_s()

    @cached_property
    def due(self) -> frozenset[int]:
        """Positions of the `every_…` subscriptions that are due."""
        return frozenset(self.raw.due_ticks())

    def transaction_hash(self, transaction_index: int) -> Hash:
        """Of any transaction of the block; zeros where there is none."""
        if transaction_index not in self._hashes:
            self._hashes[transaction_index] = Hash(self.raw.transaction_hash(transaction_index) or bytes(32))
        return self._hashes[transaction_index]

    @cached_property
    def logs(self) -> list[Log]:
        return [Log(self, at) for at in range(self.raw.log_count())]

    @cached_property
    def transactions(self) -> list[Transaction]:
        return [Transaction(self, at) for at in range(self.raw.transaction_count())]

    @cached_property
    def frames(self) -> list[Frame]:
        """Call frames, each before those that it made."""
        return [Frame(row) for row in self.raw.frames()]

    @cached_property
    def storage_changes(self) -> list[StorageChange]:
        rows = self.raw.storage_changes()
        return [
            StorageChange(row.transaction_index, Address(row.address), Hash(row.slot), Hash(row.before), Hash(row.after))
            for row in rows
        ]

    @cached_property
    def creations(self) -> list[Creation]:
        rows = self.raw.creations()
        return [Creation(row.transaction_index, Address(row.creator), Address(row.address)) for row in rows]

    @cached_property
    def findings(self) -> list[Heard]:
        """What other detectors found in the same block or observation."""
        return [_heard(row) for row in self.raw.findings()]

    @cached_property
    def observations(self) -> list[Observation]:
        rows = self.raw.observations()
        return [Observation(row.feed, row.observed_at_ms, row.received_at_ms, row.kind, row.value) for row in rows]

    def _log_topics(self, position: int) -> bytes:
        if position not in self._topics:
            self._topics[position] = self.raw.log_topics(position)
        return self._topics[position]

    _log_addresses = cached_property(lambda self: self.raw.log_addresses())
    _log_topic_counts = cached_property(lambda self: self.raw.log_topic_counts())
    _log_data = cached_property(lambda self: self.raw.log_data())
    _log_offsets = cached_property(lambda self: self.raw.log_data_offsets())
    _log_indexes = cached_property(lambda self: self.raw.log_indexes())
    _log_transaction_indexes = cached_property(lambda self: self.raw.log_transaction_indexes())
    _transaction_hashes = cached_property(lambda self: self.raw.transaction_hashes())
    _transaction_indexes = cached_property(lambda self: self.raw.transaction_indexes())
    _transaction_senders = cached_property(lambda self: self.raw.transaction_senders())
    _transaction_recipients = cached_property(lambda self: self.raw.transaction_recipients())
    _transaction_values = cached_property(lambda self: self.raw.transaction_values())
    _transaction_inputs = cached_property(lambda self: self.raw.transaction_inputs())
    _transaction_offsets = cached_property(lambda self: self.raw.transaction_input_offsets())
    _transaction_statuses = cached_property(lambda self: self.raw.transaction_statuses())


def _heard(row) -> Heard:
    found = row.finding
    return Heard(
        detector=row.detector,
        id=row.id,
        kind=found.kind,
        severity=Severity(found.severity.value),
        confidence_percent=found.confidence_percent,
        title=found.title,
        description=found.description,
        subject=(found.subject.kind, found.subject.id),
        transactions=tuple(Hash(one) for one in found.transactions),
        amounts=tuple((amount.asset, int(amount.value)) for amount in found.amounts),
        attributes=dict(found.attributes),
    )
