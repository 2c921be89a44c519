"""One entry of a topic, as every engine gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events import Event
from shared.events.topology import Topic
from shared.streaming.protocol.codec import decode

_NS_PER_MS = 1_000_000


Order = tuple[int, int]
"""When the broker took an entry, ms since 1970 UTC, and its number among those of that moment."""


def order_of_position(position: str) -> Order:
    """Read when the broker took an entry off its position, `<ms>-<number>`, so that topics can be put in one order."""
    ms, _, number = position.partition("-")
    return int(ms), int(number or 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry and where it lies.

    Attributes:
        topic: it is on.
        partition: of the topic.
        position: where to go on reading after it; may be stored and used by another process.
        order: when the broker took it, as `order_of_position` reads it.
        stream: name that the engine's own tools know the partition by, for people.
        fields: the wire form of the event.
    """

    topic: Topic
    partition: int
    position: str
    order: Order
    stream: str
    fields: Mapping[bytes, bytes]

    @property
    def arrived_ns(self) -> int:
        """When the broker took it, ns UTC, to the millisecond."""
        return self.order[0] * _NS_PER_MS

    def event(self) -> Event:
        """Decode the event; WireError when it is none of ours."""
        return decode(self.fields)
