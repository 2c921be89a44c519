"""`thetaflow inspect`: what is on the broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from shared.clock import SystemClock, from_ns, ist_date
from shared.events.topology import Topic
from shared.streaming.connect import connect
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.reports import BrokerReport
from shared.text.formatting import halt_line
from trading_system.cli.broker_options import BrokerOption, JsonOption, broker_of
from trading_system.cli.screen import STDOUT, print_json
from trading_system.operations.halts import HaltsInForce, halts_in_force


def inspect_command(
    broker: BrokerOption = None,
    topic: Annotated[Topic | None, typer.Option(help="Show the newest events of this topic, whole.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many of them per partition.")] = 3,
    empty: Annotated[bool, typer.Option("--empty", help="Show empty streams too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show halts, streams, groups with lag and pending, owners, and the last event of each stream."""
    with connect(*broker_of(broker)) as client:
        report = client.report()
        halts = halts_in_force(client)
        events = list(_newest(client, topic, last)) if topic is not None else []
    if as_json:
        told = {"halts": list(halts.by_book.values()), "unreadable_halts": halts.unreadable}
        print_json({**msgspec.to_builtins(report), **msgspec.to_builtins(told), "events": events})
        return
    _print_halts(halts)
    _print_streams(report, empty=empty)
    _print_groups(report, empty=empty)
    for event in events:
        STDOUT.print_json(data=event)


def _print_halts(halts: HaltsInForce) -> None:
    today = ist_date(SystemClock().now_ns())
    for book, halt in halts.by_book.items():
        # An operator's words are no markup of ours.
        STDOUT.print(f"{book}: {halt_line(halt, today)}", markup=False, highlight=False, soft_wrap=True)
    if not halts.by_book:
        STDOUT.print("risk has said of no book yet what it may do")
    if halts.unreadable:
        STDOUT.print(f"halts: {halts.unreadable} entries are not readable, a newer word of risk may be among them")


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
