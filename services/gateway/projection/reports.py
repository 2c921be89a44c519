"""Broker reports and stream entries as answers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.gateway.schemas.api import EntryAnswer, GroupAnswer, LeaseAnswer, StreamAnswer, StreamsAnswer
from shared.errors import WireError
from shared.events import ChainSnapshot, Event
from shared.events.topology import Topic
from shared.streaming.protocol.entry import Entry
from shared.streaming.protocol.reports import BrokerReport, GroupReport
from shared.text.formatting import iso_text

_NS_PER_MS = 1_000_000


def streams_answer(report: BrokerReport) -> StreamsAnswer:
    """Lay out an inspection, each stream with its groups, in the order of the topics."""
    groups: dict[tuple[Topic, int], list[GroupReport]] = {}
    for group in report.groups:
        groups.setdefault((group.topic, group.partition), []).append(group)
    streams = tuple(
        StreamAnswer(
            stream=stream.stream,
            topic=stream.topic.value,
            partition=stream.partition,
            length=stream.length,
            last_entry=stream.last_id,
            last_event=stream.last_event,
            last_type=stream.last_type,
            last_at=None if stream.last_ts is None else iso_text(stream.last_ts),
            groups=tuple(
                GroupAnswer(
                    group=group.group,
                    lag=group.lag,
                    pending=group.pending,
                    oldest_pending_s=None if group.oldest_pending_ms is None else group.oldest_pending_ms / 1000,
                    last_delivered=group.last_delivered,
                )
                for group in groups.get((stream.topic, stream.partition), ())
            ),
        )
        for stream in sorted(report.streams, key=lambda stream: (stream.partition, list(Topic).index(stream.topic)))
        if stream.length or (stream.topic, stream.partition) in groups
    )
    return StreamsAnswer(
        looked_at=iso_text(report.time_ms * _NS_PER_MS),
        streams=streams,
        leases=tuple(
            LeaseAnswer(
                group=lease.group,
                partition=lease.partition,
                owner=lease.owner,
                expires_s=None if lease.expires_ms is None else lease.expires_ms / 1000,
            )
            for lease in report.leases
        ),
        members={name: tuple(replicas) for name, replicas in report.members.items()},
        dead=sum(report.dead),
    )


def entry_answer(entry: Entry, *, full: bool = False) -> EntryAnswer:
    """Show an entry as JSON. A chain's columns are summed up unless `full`: they are tens of thousands of numbers."""
    fields = entry.fields
    ts = _text(fields, b"ts")
    event: dict[str, object] | None = None
    error: str | None = None
    try:
        event = _content(entry.event(), full=full)
    except WireError as failure:
        error = str(failure)
    return EntryAnswer(
        entry=entry.position,
        stream=entry.stream,
        topic=entry.topic.value,
        arrived_at=iso_text(entry.arrived_ns),
        id=_text(fields, b"id"),
        type=_text(fields, b"type"),
        at=iso_text(int(ts)) if ts.isdigit() else None,
        producer=_text(fields, b"producer"),
        event=event,
        error=error,
    )


def _content(event: Event, *, full: bool) -> dict[str, object]:
    if full or not isinstance(event, ChainSnapshot):
        return dict(msgspec.to_builtins(event))
    bare = dict(msgspec.to_builtins(msgspec.structs.replace(event, expiries=())))
    bare["expiries"] = [
        {
            "expiry": expiry.expiry,
            "strikes": len(expiry.strikes),
            "lowest": expiry.strikes[0] if expiry.strikes else None,
            "highest": expiry.strikes[-1] if expiry.strikes else None,
        }
        for expiry in event.expiries
    ]
    return bare


def _text(fields: Mapping[bytes, bytes], name: bytes) -> str:
    return fields.get(name, b"").decode(errors="replace")
