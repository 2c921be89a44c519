"""Follows an event back to its snapshot and on to what became of it, by the ids on the broker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from services.gateway.projection.reports import entry_answer
from services.gateway.schemas.api import EntryAnswer, LineageAnswer
from shared import ids
from shared.errors import BadInputError
from shared.events.topology import TOPICS, Topic, partition_of
from shared.streaming.protocol.entry import Entry
from shared.streaming.protocol.reading import History

_ROOT: Final = re.compile(r"(?P<book>[\w-]+?)-\d{8}T\d{6}(-.*)?")
_PAGE: Final = 100
_SEARCHED: Final = 20_000
_CHAIN_SEARCHED: Final = 400
_AFTER: Final = 2_000
_SMALL: Final = tuple(row.topic for row in TOPICS if row.topic is not Topic.CHAIN)
"""Topics that are cheap to search, in the order of the table: what follows of a snapshot, and what stands beside it."""
_REFERRING: Final = frozenset(row.topic for row in TOPICS if row.refers)


@dataclass(slots=True)
class _Found:
    events: list[tuple[tuple[int, int], EntryAnswer]] = field(default_factory=list)
    mentions: list[tuple[tuple[int, int], EntryAnswer]] = field(default_factory=list)


def book_of(event_id: str) -> str:
    """Read the book out of an event's id.

    Raises:
        BadInputError: it is no id of ours.
    """
    match = _ROOT.fullmatch(ids.lineage_root(event_id))
    if match is None:
        raise BadInputError("an event id like nifty-20250829T092245.features", event_id, "event id")
    return match["book"]


def find_lineage(history: History, partitions: int, event_id: str, *, full: bool = False) -> LineageAnswer:
    """Collect every event whose id starts with the root of `event_id`, and those that name one of them.

    Entries lie in the order of their arrival, not of their ids: the newest entries of the small topics are searched
    for the lineage, and from the moment it arrived the others.

    Args:
        history: where to look.
        partitions: streams per topic.
        event_id: any event of the lineage.
        full: show a chain's columns too.

    Raises:
        BadInputError: it is no id of ours.
        BrokerUnavailableError: the broker does not answer.
    """
    root = ids.lineage_root(event_id)
    partition = partition_of(book_of(event_id), partitions)
    search = _Search(history, partition, root, full=full)
    return LineageAnswer(id=event_id, root=root, **search.run())


class _Search:
    def __init__(self, history: History, partition: int, root: str, *, full: bool) -> None:
        self._history = history
        self._partition = partition
        self._root = root.encode()
        self._full = full
        self._found = _Found()

    def run(self) -> dict[str, tuple[EntryAnswer, ...]]:
        start = self._first_seen()
        if start is not None:
            self._take_chain(start)
            for topic in _SMALL:
                self._take_after(topic, start)
        return {
            "events": tuple(answer for _, answer in sorted(self._found.events, key=lambda pair: pair[0])),
            "mentions": tuple(answer for _, answer in sorted(self._found.mentions, key=lambda pair: pair[0])),
        }

    def _first_seen(self) -> int | None:
        """Find the moment of arrival: when the broker took an early entry of the lineage, ms since 1970 UTC."""
        for topic in (*_SMALL, Topic.CHAIN):
            limit = _CHAIN_SEARCHED if topic is Topic.CHAIN else _SEARCHED
            earliest: int | None = None
            for entry in self._backward(topic, None, limit):
                if self._is_ours(entry):
                    earliest = entry.order[0]
                elif earliest is not None:
                    break
            if earliest is not None:
                return earliest
        return None

    def _take_chain(self, start_ms: int) -> None:
        # What follows from a snapshot arrives soon after it.
        for entry in self._backward(Topic.CHAIN, start_ms, _CHAIN_SEARCHED):
            if self._is_ours(entry):
                self._keep(entry)
                return

    def _take_after(self, topic: Topic, start_ms: int) -> None:
        limit = _SEARCHED if topic in _REFERRING else _AFTER
        entries = self._history.forward(topic, self._partition, since_ms=start_ms, page=_page(topic))
        for entry in islice(entries, limit):
            if self._is_ours(entry) or (topic in _REFERRING and self._names_ours(entry)):
                self._keep(entry)

    def _backward(self, topic: Topic, until_ms: int | None, limit: int) -> Iterator[Entry]:
        entries = self._history.backward(topic, self._partition, until_ms=until_ms, page=_page(topic))
        return islice(entries, limit)

    def _keep(self, entry: Entry) -> None:
        answer = entry_answer(entry, full=self._full)
        kept = self._found.events if self._is_ours(entry) else self._found.mentions
        kept.append((entry.order, answer))

    def _is_ours(self, entry: Entry) -> bool:
        event_id = entry.fields.get(b"id", b"")
        return event_id == self._root or event_id.startswith(self._root + b".")

    def _names_ours(self, entry: Entry) -> bool:
        return b'"' + self._root + b"." in entry.fields.get(b"payload", b"")


def _page(topic: Topic) -> int:
    return 8 if topic is Topic.CHAIN else _PAGE
