"""`thetaflow control`: an operator's word to every service."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from shared.clock import SystemClock
from shared.errors import ConfigError, shorten
from shared.events import Command, CommandKind, Header
from shared.settings import BookSettings, load_settings
from shared.streaming.connect import connect
from trading_system.cli.broker_options import BrokerOption, broker_of


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
    _check(kind, operator, reason, limit, value)
    books = load_settings(BookSettings).books
    if book not in books:
        raise ConfigError(f"--book: expected one of {', '.join(books)} (THETAFLOW_BOOKS), got {shorten(book)}")
    url, partitions = broker_of(broker)
    now = SystemClock().now_ns()
    header = Header.root(book=book, ts=now, seq=0, producer="cli", suffix=f"{kind.value}-{now % 1_000_000_000:09d}")
    command = Command(header=header, kind=kind, operator=operator, reason=reason, limit=limit, value=value)
    with connect(url, partitions).publisher("cli") as publisher:
        publisher.publish([command])
    typer.echo(f"{kind.value} for {book} published as {header.id}")


def _check(kind: CommandKind, operator: str, reason: str, limit: str | None, value: float | None) -> None:
    for option, text in (("operator", operator), ("reason", reason)):
        if not text.strip() or not text.isprintable():
            raise ConfigError(f"--{option}: expected one line of printable text, got {shorten(text)}")
    if kind is CommandKind.SET_LIMIT:
        if not (limit or "").strip() or value is None or not math.isfinite(value):
            raise ConfigError(f"set_limit: expected --limit and a finite --value, got {limit!r} and {value!r}")
    elif limit is not None or value is not None:
        raise ConfigError(f"{kind.value}: expected neither --limit nor --value, got {limit!r} and {value!r}")
