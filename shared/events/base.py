"""What every event is made of: frozen records, a header, and nothing unknown."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from shared import ids


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of an event."""


class Header(Record, frozen=True, kw_only=True):
    """What every event carries.

    Attributes:
        id: deterministic, derived from its input's id; a repeat has the same id.
        ts: event time, exchange clock, ns UTC.
        book: key of order, risk and scale.
        seq: number of the chain step this belongs to, per book.
        producer: service that made it.
        traceparent: W3C trace context, derived from the id.
    """

    id: str
    ts: int
    book: str
    seq: int
    producer: str
    traceparent: str

    @classmethod
    def root(cls, *, book: str, ts: int, seq: int, producer: str, suffix: str = "") -> Header:
        """Start a lineage."""
        event_id = ids.root_id(book, ts, suffix)
        return cls(id=event_id, ts=ts, book=book, seq=seq, producer=producer, traceparent=ids.traceparent(event_id))

    def child(self, producer: str, index: int = 0, *, ts: int | None = None) -> Header:
        """Head the `index`-th event that `producer` makes of this one."""
        event_id = ids.child_id(self.id, producer, index)
        return Header(
            id=event_id,
            ts=self.ts if ts is None else ts,
            book=self.book,
            seq=self.seq,
            producer=producer,
            traceparent=ids.traceparent(event_id),
        )


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True):
    """A fact with a header. `VERSION` is the schema version its wire entry names."""

    VERSION: ClassVar[int] = 1

    header: Header
