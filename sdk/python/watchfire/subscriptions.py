"""What a detector wants to see."""

from __future__ import annotations

from collections.abc import Iterable

from wit_world.imports import types as _wit

from ._types import Address, Hash
from .abi import Event


def logs(addresses: Iterable[Address] = (), event: Event | None = None, topics: dict[int, Iterable[bytes]] | None = None):
    """Logs of these addresses (any, where there are none), of this event, whose topics are among these."""
    wanted = [[] for _ in range(4)]
    if event:
        wanted[0] = [event.topic]
    for position, words in (topics or {}).items():
        wanted[position] = [word.word if isinstance(word, Address) else Hash(word) for word in words]
    return _wit.Subscription_Logs(_wit.LogFilter(list(addresses), wanted))


def transactions(recipients: Iterable[Address] = (), selectors: Iterable[bytes] = (), senders: Iterable[Address] = ()):
    """Transactions by recipient, selector and sender."""
    return _wit.Subscription_Transactions(_wit.TransactionFilter(list(recipients), list(selectors), list(senders)))


def frames(targets: Iterable[Address] = (), selectors: Iterable[bytes] = (), kinds: Iterable[str] = (), with_value: bool = False):
    """Call frames. Needs the capability `traces`."""
    return _wit.Subscription_Frames(_wit.FrameFilter(list(targets), list(selectors), list(kinds), with_value))


def storage(addresses: Iterable[Address] = (), slots: Iterable[Hash] = ()):
    """Changes of storage slots. Needs the capability `storage`."""
    return _wit.Subscription_Storage(_wit.StorageFilter(list(addresses), list(slots)))


def creations():
    """Contracts that come into being."""
    return _wit.Subscription_Creations()


def feed(name: str):
    """Observations of a feed. Needs the capability `feeds`."""
    return _wit.Subscription_Feed(name)


def findings(detectors: Iterable[str] = (), kinds: Iterable[str] = ()):
    """Findings of other detectors. Needs the capability `findings`."""
    return _wit.Subscription_Findings(_wit.FindingFilter(list(detectors), list(kinds)))


def every_blocks(count: int):
    """Called on each block whose number is a multiple."""
    return _wit.Subscription_EveryBlocks(count)


def every_seconds(span_s: int):
    """Called on the first block in each such span of chain time."""
    return _wit.Subscription_EverySeconds(span_s)


def pending(recipients: Iterable[Address] = (), selectors: Iterable[bytes] = (), senders: Iterable[Address] = ()):
    """Transactions not yet in a block. Needs the capability `mempool`."""
    return _wit.Subscription_Pending(_wit.TransactionFilter(list(recipients), list(selectors), list(senders)))
