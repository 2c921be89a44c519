"""What books may do, as risk last said."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import WireError
from shared.events import HaltChanged
from shared.events.topology import Topic
from shared.streaming.protocol.client import BrokerClient


@dataclass(frozen=True, slots=True)
class HaltsInForce:
    """What risk said last of each book it has spoken of.

    Attributes:
        by_book: newest event of each book, in the order of their names.
        unreadable: entries that are no events of this version; a newer word of risk may be among them.
    """

    by_book: dict[str, HaltChanged]
    unreadable: int


def halts_in_force(client: BrokerClient) -> HaltsInForce:
    """Read the newest word about each book; BrokerUnavailableError when the broker does not answer."""
    found: dict[str, HaltChanged] = {}
    unreadable = 0
    history = client.history()
    for partition in range(client.partitions):
        for entry in history.backward(Topic.HALTS, partition):
            try:
                event = entry.event()
            except WireError:
                unreadable += 1
                continue
            if isinstance(event, HaltChanged):
                found.setdefault(event.header.book, event)
    return HaltsInForce(dict(sorted(found.items())), unreadable)
