"""Follows an event back to its snapshot and on to what became of it, by the ids on the broker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from services.gateway.broker.follower import order_of
from services.gateway.projection.reports import entry_answer
from services.gateway.schemas.api import EntryAnswer, LineageAnswer
from shared import ids
from shared.errors import BadInputError
from shared.events.topology import Topic, partition_of
from shared.streaming.redis.broker import Broker, BrokerConnection, decode_pairs
from shared.streaming.redis.keys import stream_key

_ROOT: Final = re.compile(r"(?P<book>[\w-]+?)-\d{8}T\d{6}(-.*)?")
_PAGE: Final = 100
_SEARCHED: Final = 20_000
_CHAIN_SEARCHED: Final = 400
_AFTER: Final = 2_000
_DOWNSTREAM: Final = (Topic.FEATURES, Topic.SIGNALS, Topic.ORDERS, Topic.FILLS, Topic.BOOK, Topic.TRADES)
_BESIDE: Final = (Topic.CONTROL, Topic.HALTS, Topic.ALERTS, Topic.MODELS, Topic.DEAD)
_NAMING: Final = (Topic.ORDERS, Topic.FILLS, Topic.TRADES)
"""Topics whose events name events of another lineage: an exit its entry, a fill its order, a trade its entry."""


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


def find_lineage(broker: Broker, partitions: int, event_id: str, *, full: bool = False) -> LineageAnswer:
    """Collect every event whose id starts with the root of `event_id`, and those that name one of them.

    Entries lie in the order of their arrival, not of their ids: the newest entries of the small topics are searched
    for the lineage, and from the moment it arrived the others.

    Args:
        broker: where to look.
        partitions: streams per topic.
        event_id: any event of the lineage.
        full: show a chain's columns too.

    Raises:
        BadInputError: it is no id of ours.
        BrokerUnavailableError: the broker does not answer.
    """
    root = ids.lineage_root(event_id)
    partition = partition_of(book_of(event_id), partitions)
    search = _Search(broker.shared(partition), partition, root, full=full)
    return LineageAnswer(id=event_id, root=root, **search.run())


class _Search:
    def __init__(self, link: BrokerConnection, partition: int, root: str, *, full: bool) -> None:
        self._link = link
        self._partition = partition
        self._root = root.encode()
        self._full = full
        self._found = _Found()

    def run(self) -> dict[str, tuple[EntryAnswer, ...]]:
        start = self._first_seen()
        if start is not None:
            self._take_chain(start)
            for topic in (*_DOWNSTREAM, *_BESIDE):
                self._take_after(topic, start)
        return {
            "events": tuple(answer for _, answer in sorted(self._found.events, key=lambda pair: pair[0])),
            "mentions": tuple(answer for _, answer in sorted(self._found.mentions, key=lambda pair: pair[0])),
        }

    def _first_seen(self) -> str | None:
        """Find the moment of arrival: the id of an early entry of the lineage."""
        for topic in (*_DOWNSTREAM, *_BESIDE, Topic.CHAIN):
            limit = _CHAIN_SEARCHED if topic is Topic.CHAIN else _SEARCHED
            earliest: str | None = None
            for entry_id, fields in self._walk(topic, "+", limit, backwards=True):
                if self._is_ours(fields):
                    earliest = entry_id
                elif earliest is not None:
                    break
            if earliest is not None:
                return earliest
        return None

    def _take_chain(self, start: str) -> None:
        # What follows from a snapshot arrives soon after it.
        ms = start.partition("-")[0]
        for entry_id, fields in self._walk(Topic.CHAIN, ms, _CHAIN_SEARCHED, backwards=True):
            if self._is_ours(fields):
                self._keep(Topic.CHAIN, entry_id, fields)
                return

    def _take_after(self, topic: Topic, start: str) -> None:
        limit = _SEARCHED if topic in _NAMING else _AFTER
        begin = start.partition("-")[0]
        for entry_id, fields in self._walk(topic, begin, limit, backwards=False):
            if self._is_ours(fields) or (topic in _NAMING and self._names_ours(fields)):
                self._keep(topic, entry_id, fields)

    def _keep(self, topic: Topic, entry_id: str, fields: dict[bytes, bytes]) -> None:
        answer = entry_answer(self._partition, topic, entry_id, fields, full=self._full)
        kept = self._found.events if self._is_ours(fields) else self._found.mentions
        kept.append((order_of(entry_id.encode()), answer))

    def _is_ours(self, fields: dict[bytes, bytes]) -> bool:
        event_id = fields.get(b"id", b"")
        return event_id == self._root or event_id.startswith(self._root + b".")

    def _names_ours(self, fields: dict[bytes, bytes]) -> bool:
        return b'"' + self._root + b"." in fields.get(b"payload", b"")

    def _walk(
        self, topic: Topic, edge: str, limit: int, *, backwards: bool
    ) -> Iterator[tuple[str, dict[bytes, bytes]]]:
        key = stream_key(self._partition, topic)
        page = 8 if topic is Topic.CHAIN else _PAGE
        seen = 0
        while seen < limit:
            command = ("XREVRANGE", key, edge, "-") if backwards else ("XRANGE", key, edge, "+")
            rows = self._link.call(*command, "COUNT", page)
            for entry_id, flat in rows:
                yield entry_id.decode(), decode_pairs(flat)
            seen += len(rows)
            if len(rows) < page:
                return
            edge = f"({rows[-1][0].decode()}"
