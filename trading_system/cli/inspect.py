"""`thetaflow inspect`: what is on the broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from shared.clock import from_ns
from shared.events.topology import Topic
from shared.streaming.connect import connect
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.reports import BrokerReport
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
    with connect(*broker_of(broker)) as client:
        report = client.report()
        events = list(_newest(client, topic, last)) if topic is not None else []
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
            table.add_row(stream.stream, f"{stream.length:,}", stream.last_event, stream.last_type, when)
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
        table.add_row(group.group, group.stream, f"{group.lag:,}", f"{group.pending:,}", oldest, owner)
    STDOUT.print(table)
    STDOUT.print(f"dead letters: {sum(report.dead)}")


def _newest(client: BrokerClient, topic: Topic, last: int) -> Iterator[dict[str, Any]]:
    for partition in range(client.partitions):
        for entry in client.history().newest(topic, partition, last):
            wire = {name.decode(): value.decode(errors="replace") for name, value in entry.fields.items()}
            wire["payload"] = msgspec.json.decode(entry.fields.get(b"payload", b"null"))
            yield {"stream": entry.stream, "entry": entry.position, **wire}
