"""How topics are read beside the engine: without a consumer group, disturbing nobody.

Positions are opaque strings, `Entry.position`. They may be stored and used by another process to go on after an entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from shared.events import Event
from shared.events.topology import Topic
from shared.streaming.protocol.entry import Entry

EventT = TypeVar("EventT", bound=Event)


class History(Protocol):
    """Reads back what topics hold. Every method raises BrokerUnavailableError when the broker does not answer."""

    def forward(
        self, topic: Topic, partition: int, *, after: str | None = None, since_ms: int | None = None, page: int = 500
    ) -> Iterator[Entry]:
        """Give entries in order, up to the newest there is when the end is reached.

        Args:
            topic: which.
            partition: of the topic.
            after: position after which to begin; None for the oldest entry held.
            since_ms: begin with what the broker took at this moment, ms since 1970 UTC, or later; not with `after`.
            page: entries fetched at once.
        """
        ...

    def backward(
        self, topic: Topic, partition: int, *, until_ms: int | None = None, page: int = 100
    ) -> Iterator[Entry]:
        """Give entries newest first.

        Args:
            topic: which.
            partition: of the topic.
            until_ms: begin with the newest that the broker took at this moment or before; None for the newest of all.
            page: entries fetched at once.
        """
        ...

    def newest(self, topic: Topic, partition: int, count: int) -> list[Entry]:
        """Give the newest entries, newest first, at most `count`."""
        ...

    def newest_of(self, kind: type[EventT], book: str) -> EventT | None:
        """Give the newest event of a type for a book, None without any; WireError on an unreadable entry before it."""
        ...


class Following(Protocol):
    """Follows several topics of every partition with few round trips, and notices when they were replaced."""

    def started(self, partition: int) -> bool:
        """Tell whether `start` was called for the partition and `is_replaced` has not been true since."""
        ...

    def start(self, partition: int, positions: Mapping[Topic, str | None]) -> None:
        """Go on after these positions; None is the beginning of a topic that held nothing."""
        ...

    def is_replaced(self, partition: int) -> bool:
        """Tell whether a topic that was read is gone or another one: emptied, restored, or made anew.

        A topic that was only trimmed is the same one. Topics read for their newest entries are not looked at. After True the partition has to be started again.
        """
        ...

    def read(self, partition: int) -> Mapping[Topic, Sequence[Entry]]:
        """Give what is new, in order, at most the topic's limit of entries each, and go on after it."""
        ...


class RetentionHold(Protocol):
    """Keeps entries from being trimmed until a reader outside the engine has stored them."""

    def move(self, topic: Topic, partition: int, position: str | None) -> None:
        """Release entries up to a position, all later ones stay; None releases none.

        Raises:
            BrokerUnavailableError: the broker does not answer.
            BrokerReplyError: it refuses.
        """
        ...


class StateReader(Protocol):
    """Reads checkpoints that a service committed, without owning anything."""

    def checkpoint(self, group: str, book: str) -> bytes | None:
        """Give a service's newest committed checkpoint of a book, None before its first."""
        ...

    def covered(self, group: str, book: str) -> str | None:
        """Give the position on its one input that this checkpoint covers, None where every step has a checkpoint."""
        ...
