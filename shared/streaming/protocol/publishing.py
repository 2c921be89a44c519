"""How events enter from outside, and what a producer keeps beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from shared.events import Event
from shared.events.topology import Topic


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a call.

    Attributes:
        count: events that are out because of it.
        repeated: events that were out before it.
        refused: events older than what is out already, kept aside for whoever called.
    """

    count: int
    repeated: int
    refused: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class LastPublished:
    """Where a producer stands on one book: newest event time (ns UTC), its sequence, newest ids."""

    ts: int
    seq: int
    ids: tuple[str, ...]


class Publisher(Protocol):
    """Publishes events of one producer. Calling again with the same events changes nothing.

    On `chain` event time and sequence never go back; on other topics an id is not published twice among the last ones
    of its book. Publishing waits while a decision group that reads the topic lags too far behind.
    """

    def publish(self, events: Sequence[Event]) -> Published:
        """Publish events, in order per partition.

        Raises:
            BrokerUnavailableError: the broker did not answer in time; nothing is lost by calling again.
            PipelineBehindError: a decision group lagged too far behind for too long.
            ConfigError: the broker is laid out for another number of partitions.
        """
        ...

    def last(self, book: str, topic: Topic = Topic.CHAIN) -> LastPublished | None:
        """Tell where this producer stands, so that a restart goes on from there; None before its first event."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...

    def __enter__(self) -> Self:
        """Give itself."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        ...


class Lockstep(Protocol):
    """Tells when a partition is at rest: nothing unread and nothing uncommitted in any decision group."""

    def wait(self, book: str, timeout_s: float) -> None:
        """Wait until the partition of a book is at rest.

        Raises:
            PipelineBehindError: it was not within the time; names the group that is behind.
            BrokerUnavailableError: the broker does not answer.
        """
        ...

    def close(self) -> None:
        """Close its connections."""
        ...

    def __enter__(self) -> Self:
        """Give itself."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        ...


class Memory(Protocol):
    """Keeps small values of one producer and book where the broker keeps what the producer published.

    They share its fate: whatever takes the published events away takes these away too, never one without the other.
    """

    def save(self, name: str, content: bytes) -> None:
        """Store a value in place of the last one, whole or not at all; EngineError when the broker does not take it."""
        ...

    def load(self, name: str) -> bytes | None:
        """Give what was stored last, None without any; EngineError when the broker does not answer."""
        ...
