"""`thetaflow control`: an operator's word to every service."""

from __future__ import annotations

from typing import Annotated

import typer

from shared.clock import SystemClock
from shared.events import Command, CommandKind, Header
from shared.streaming.publisher import Publisher
from trading_system.commands.broker_options import BrokerOption, broker_of


def control(
    kind: Annotated[CommandKind, typer.Argument(help="What is asked.")],
    operator: Annotated[str, typer.Option(help="Who asks.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    limit: Annotated[str | None, typer.Option(help="Limit to set, with set_limit.")] = None,
    value: Annotated[float | None, typer.Option(help="Its new value.")] = None,
    book: Annotated[str, typer.Option(help="Whose.")] = "nifty",
    broker: BrokerOption = None,
) -> None:
    """Halt, reduce, resume or flatten a book, or set one of its limits."""
    url, partitions = broker_of(broker)
    now = SystemClock().now_ns()
    header = Header.root(book=book, ts=now, seq=0, producer="cli", suffix=f"{kind.value}-{now % 1_000_000_000:09d}")
    command = Command(header=header, kind=kind, operator=operator, reason=reason, limit=limit, value=value)
    with Publisher(url, producer="cli", partitions=partitions) as publisher:
        publisher.publish([command])
    typer.echo(f"{kind.value} for {book} published as {header.id}")
