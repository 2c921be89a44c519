"""`thetaflow inspect`: what is on the broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from shared.clock import from_ns
from shared.events.topology import Topic
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.inspection import BrokerReport, inspect_broker
from shared.streaming.redis.keys import stream_key
from trading_system.cli.broker_options import BrokerOption, JsonOption, broker_of
from trading_system.cli.screen import STDOUT, print_json


def inspect_command(
    broker: BrokerOption = None,
    topic: Annotated[Topic | None, typer.Option(help="Show the newest events of this topic, whole.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many of them per partition.")] = 3,
    empty: Annotated[bool, typer.Option("--empty", help="Show empty streams too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show streams, groups with lag and pending, owners, and the last event of each stream."""
    url, partitions = broker_of(broker)
    report = inspect_broker(url, partitions)
    events = list(_newest(url, partitions, topic, last)) if topic is not None else []
    if as_json:
        print_json({**msgspec.to_builtins(report), "events": events})
        return
    _print_streams(report, empty=empty)
    _print_groups(report, empty=empty)
    for event in events:
        STDOUT.print_json(data=event)


def _print_streams(report: BrokerReport, *, empty: bool) -> None:
    table = Table("stream", "entries", "last event", "type", "event time (IST)", title="streams", box=None)
    for stream in report.streams:
        if stream.length or empty:
            when = f"{from_ns(stream.last_ts):%Y-%m-%d %H:%M:%S}" if stream.last_ts is not None else ""
            key = stream_key(stream.partition, stream.topic)
            table.add_row(key, f"{stream.length:,}", stream.last_event, stream.last_type, when)
    STDOUT.print(table)


def _print_groups(report: BrokerReport, *, empty: bool) -> None:
    owners = {(lease.group, lease.partition): lease for lease in report.leases}
    used = {(stream.topic, stream.partition) for stream in report.streams if stream.length}
    table = Table("group", "stream", "lag", "pending", "oldest", "owner (token)", title="groups", box=None)
    for group in report.groups:
        if (group.topic, group.partition) not in used and not empty:
            continue
        lease = owners.get((group.group, group.partition))
        owner = f"{lease.owner} ({lease.token})" if lease is not None and lease.owner else "nobody"
        oldest = f"{group.oldest_pending_ms / 1000:.1f} s" if group.oldest_pending_ms is not None else ""
        key = stream_key(group.partition, group.topic)
        table.add_row(group.group, key, f"{group.lag:,}", f"{group.pending:,}", oldest, owner)
    STDOUT.print(table)
    STDOUT.print(f"dead letters: {sum(report.dead)}")


def _newest(url: str, partitions: int, topic: Topic, last: int) -> Iterator[dict[str, Any]]:
    broker = Broker(url)
    try:
        for partition in range(partitions):
            entries = broker.shared(partition).call("XREVRANGE", stream_key(partition, topic), "+", "-", "COUNT", last)
            for entry_id, raw in entries:
                fields = dict(zip(raw[::2], raw[1::2], strict=True))
                wire = {name.decode(): value.decode(errors="replace") for name, value in fields.items()}
                wire["payload"] = msgspec.json.decode(fields.get(b"payload", b"null"))
                yield {"stream": stream_key(partition, topic), "entry": entry_id.decode(), **wire}
    finally:
        broker.close()
