"""A recorded day as the broker took it: events of several topics in one order, ready to be fed or compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from shared import ids
from shared.errors import BadInputError
from shared.events import EVENT_TYPES, ChainSnapshot, Event, FeedKind, Header, QualityFlag
from shared.events.topology import TOPIC_OF, TOPICS, Topic
from shared.store.layout import Table, day_folder, list_parts, read_parts
from shared.store.tables import chains_of
from shared.streaming.protocol.codec import decode_stored
from shared.streaming.protocol.entry import Order, order_of_position

_KINDS: Final[Mapping[str, type[Event]]] = {kind.__name__: kind for kind in EVENT_TYPES}
_CHAIN_PRODUCER: Final = next(row.producers[0] for row in TOPICS if row.topic is Topic.CHAIN)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of a recorded day.

    Attributes:
        order: when the broker took it; compares across the topics of a book.
    """

    topic: Topic
    order: Order
    event: Event


def read_recorded(root: Path, day: str, book: str, topics: Collection[Topic]) -> list[Recorded]:
    """Give what was recorded on some topics of a day, each event once, in the order in which the broker took it.

    Args:
        root: of the store.
        day: ISO date, by event time.
        book: key of the events.
        topics: which.

    Raises:
        BadInputError: nothing of the day was recorded, or its snapshots without their positions, as imported days are
            and those recorded before positions were kept.
        WireError: an event is of a newer version, or not what its kind promises.
    """
    found = list(_events(root, day, book, topics))
    if Topic.CHAIN in topics:
        found += _snapshots(root, day, book)
    if not found:
        raise BadInputError(f"a recorded day of {book}", day, str(root))
    found.sort(key=lambda one: one.order)
    # An entry that people replayed from the dead letters lies there twice.
    return list({one.event.header.id: one for one in reversed(found)}.values())[::-1]


def _events(root: Path, day: str, book: str, topics: Collection[Topic]) -> Iterator[Recorded]:
    parts = list_parts(day_folder(root, Table.EVENTS, book, day))
    if not parts:
        return
    rows = read_parts(parts)
    wanted = pa.array([topic.value for topic in topics], pa.string())
    for row in rows.filter(pc.is_in(rows.column("topic"), value_set=wanted)).to_pylist():
        kind = _KINDS[row["type"]]
        event = decode_stored(kind, row.get("v") or 1, row["payload"].encode())
        yield Recorded(TOPIC_OF[kind], order_of_position(row["entry"]), event)


def _snapshots(root: Path, day: str, book: str) -> Iterator[Recorded]:
    snapshots = list_parts(day_folder(root, Table.SNAPSHOTS, book, day))
    legs = list_parts(day_folder(root, Table.LEGS, book, day))
    if not snapshots or not legs:
        return
    table = read_parts(snapshots)
    rows = {(row["underlying"], row["ts"]): row for row in table.to_pylist() if row["id"] is not None}
    for chain in chains_of(table, read_parts(legs)):
        row = rows.get((chain.underlying, chain.stamp_ns))
        position = None if row is None else row.get("entry")
        if row is None or position is None:
            raise BadInputError(
                "snapshots with the position at which the broker took them", "one without", f"{root}, {day}"
            )
        header = Header(
            id=row["id"],
            ts=row["ts"],
            book=book,
            seq=row["seq"],
            producer=_CHAIN_PRODUCER,
            traceparent=ids.traceparent(row["id"]),
        )
        snapshot = ChainSnapshot(
            header=header,
            underlying=chain.underlying,
            received_ns=chain.received_ns,
            spot=chain.spot,
            vix=chain.vix,
            expiries=chain.expiries,
            source=chain.source,
            quality=tuple(QualityFlag(flag) for flag in (row["quality"] or "").split(",") if flag),
            previous_close=chain.previous_close,
            feed=None if row.get("feed") is None else FeedKind(row["feed"]),
        )
        yield Recorded(Topic.CHAIN, order_of_position(position), snapshot)
