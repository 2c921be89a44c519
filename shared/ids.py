"""Deterministic ids: an event's id spells out its lineage, so a repeat has the same id.

`nifty-20250829T092245` is a chain snapshot, `nifty-20250829T092245.features.predictor.risk` the order that
followed from it: whoever reads an order in `redis-cli` sees the snapshot behind it. Trace and span ids of the
W3C `traceparent` are hashes of the same text, so a replay carries the same trace.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IST = timedelta(hours=5, minutes=30)


def root_id(book: str, ts: int, suffix: str = "") -> str:
    """Name the start of a lineage after its book and exchange time (IST, to the second).

    Args:
        book: key of the event.
        ts: event time, ns UTC.
        suffix: what else tells two roots of one second apart (an underlying, `tick`).
    """
    stamp = (_EPOCH + timedelta(microseconds=ts // 1_000) + _IST).strftime("%Y%m%dT%H%M%S")
    return f"{book}-{stamp}-{suffix}" if suffix else f"{book}-{stamp}"


def child_id(parent: str, producer: str, index: int) -> str:
    """Derive the id of the `index`-th event that `producer` makes of `parent`."""
    return f"{parent}.{producer}" if index == 0 else f"{parent}.{producer}~{index}"


def lineage_root(event_id: str) -> str:
    """Name the event that started the lineage of `event_id`."""
    return event_id.split(".", 1)[0]


def traceparent(event_id: str) -> str:
    """Give the W3C trace context of an event: the trace is its lineage, the span is the event.

    Source: W3C Trace Context, version 00, sampled.
    """
    trace = blake2b(lineage_root(event_id).encode(), digest_size=16).hexdigest()
    span = blake2b(event_id.encode(), digest_size=8).hexdigest()
    return f"00-{trace}-{span}-01"


def content_hash(content: bytes) -> str:
    """Name content by its own hash, short enough for a file name (128 bits, hex)."""
    return blake2b(content, digest_size=16).hexdigest()
