"""The golden hash: one number for every decision of a run, equal on every engine."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from shared.events import Denial, Event, Fill, Order, Signal, Trade

_RANK: dict[type[Event], int] = {Signal: 0, Order: 1, Denial: 1, Fill: 2, Trade: 3}


def golden_hash(events: Iterable[Event]) -> str:
    """Hash signals, orders, denials, fills and trades in order.

    Order is book, chain step, topic, then the order of publication within the topic, so it does not depend on how
    streams of different topics interleave. Trace context names the run's plumbing, not its content, and stays out.

    Args:
        events: events of any kind, each topic's in order of publication; kinds outside the hash are passed over.

    Returns:
        sha256 in hex over the sorted-key JSON lines.
    """
    counted = [event for event in events if type(event) in _RANK]
    counted.sort(key=lambda event: (event.header.book, event.header.seq, _RANK[type(event)]))
    digest = sha256()
    for event in counted:
        digest.update(canonical_json(event))
        digest.update(b"\n")
    return digest.hexdigest()


def canonical_json(event: Event) -> bytes:
    """Give the content of an event as JSON with sorted keys, without its trace context."""
    content = msgspec.to_builtins(event)
    del content["header"]["traceparent"]
    return msgspec.json.encode(content, order="sorted")
