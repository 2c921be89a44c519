"""Replays a recorded day from its cut and compares what it decides with what was decided live."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

from shared.events import Event
from shared.events.topology import Topic
from shared.store.cuts import Cut, read_cut
from shared.store.recorded import read_recorded
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.golden import GOLDEN_TOPICS, canonical_json, golden_hash, in_order
from shared.streaming.protocol.handler import Service

FED: Final = (Topic.CHAIN, Topic.CONTROL, Topic.MODELS)
"""Topics that no handler writes: what enters the handlers from outside."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first decision that a replay made otherwise.

    Attributes:
        event_id: of the event, as it was live; as the replay has it where live had none.
        live, replayed: named content as JSON, None where there was no such event.
    """

    event_id: str
    live: str | None
    replayed: str | None

    @property
    def text(self) -> str:
        """Say it in a line."""
        if self.live is None:
            return f"{self.event_id} was not decided live; the replay decides {self.replayed}"
        if self.replayed is None:
            return f"{self.event_id} was decided live and is not by the replay: {self.live}"
        return f"{self.event_id}: live {self.live}, replayed {self.replayed}"


@dataclass(frozen=True, slots=True)
class DayReplay:
    """A day, live and again.

    Attributes:
        fed: events that entered from outside.
        live, replayed: every decision, in the order of the golden hash.
        live_hash, replayed_hash: the hash of each.
        difference: the first, None when the replay is equal.
    """

    book: str
    day: str
    fed: int
    live: tuple[Event, ...]
    replayed: tuple[Event, ...]
    live_hash: str
    replayed_hash: str
    difference: Difference | None


def replay_day(root: Path, book: str, day: str, services: Sequence[Service]) -> DayReplay:
    """Restore the day's cut, feed what was recorded after it, and compare.

    Args:
        root: of the store.
        book: whose day.
        day: ISO date.
        services: those that ran live, in the order of the flow, by the same settings.

    Raises:
        BadInputError: no states were archived, or the day was not recorded.
        LayoutError: a stored form is damaged or newer.
        WireError: an event is.
        ValueError: a state is not one of this version.
    """
    cut = read_cut(root, book, day)
    recorded = [
        one for one in read_recorded(root, day, book, {*FED, *GOLDEN_TOPICS}) if cut.is_after(one.topic, one.order)
    ]
    fed = [one.event for one in recorded if one.topic in FED]
    live = in_order(one.event for one in recorded if one.topic in GOLDEN_TOPICS)
    replayed = in_order(_decisions(cut, fed, services))
    return DayReplay(
        book=book,
        day=day,
        fed=len(fed),
        live=tuple(live),
        replayed=tuple(replayed),
        live_hash=golden_hash(live),
        replayed_hash=golden_hash(replayed),
        difference=first_difference(live, replayed),
    )


def first_difference(live: Sequence[Event], replayed: Sequence[Event]) -> Difference | None:
    """Find the first decision that is not the same in two runs, both in the order of the golden hash."""
    for one, other in zip_longest(live, replayed):
        if _named(one) != _named(other):
            return _difference(one, other, {event.header.id for event in replayed})
    return None


def _difference(one: Event | None, other: Event | None, replayed: Container[str]) -> Difference:
    """Name the event: where one side lacks it, all that follow are shifted, and its neighbour is not the culprit."""
    if one is not None and other is not None and one.header.id != other.header.id:
        one, other = (None, other) if one.header.id in replayed else (one, None)
    named = one if one is not None else other
    assert named is not None  # noqa: S101 - two that are not there do not differ
    return Difference(named.header.id, _named(one), _named(other))


def _named(event: Event | None) -> str | None:
    return None if event is None else canonical_json(event).decode()


def _decisions(cut: Cut, fed: Sequence[Event], services: Sequence[Service]) -> list[Event]:
    seen: list[Event] = []
    engine = MemoryEngine(services, observer=seen.append)
    running = {service.name for service in services}
    for handler in cut.handlers:
        if handler.service in running:
            engine.begin(handler.service, cut.book, handler.checkpoint, handler.events())
    engine.publish(fed)
    return seen
