"""`thetaflow control`: an operator's word to every service."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Final

import typer

from services.risk.settings import LIMIT_REFUSED
from shared.clock import SystemClock, ist_date
from shared.errors import ConfigError, shorten
from shared.events import Command, CommandKind, Header
from shared.settings import BookSettings, load_settings
from shared.streaming.connect import connect
from shared.text.formatting import halt_line
from trading_system.cli.broker_options import BrokerOption, broker_of
from trading_system.operations.halts import AnswerOfRisk, RiskAnswer

_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 3600.0


def control(
    kind: Annotated[CommandKind, typer.Argument(help="What is asked.")],
    operator: Annotated[str, typer.Option(help="Who asks.")],
    reason: Annotated[str, typer.Option(help="Why; with settle the source says it.")] = "",
    limit: Annotated[str | None, typer.Option(help="Limit to set, with set_limit.")] = None,
    value: Annotated[float | None, typer.Option(help="Its new value.")] = None,
    level: Annotated[float | None, typer.Option(help="Index level that options settle at, with settle.")] = None,
    source: Annotated[str, typer.Option(help="Where the level comes from, with settle.")] = "",
    underlying: Annotated[str, typer.Option(help="Whose level it is, with settle.")] = "NIFTY",
    day: Annotated[str | None, typer.Option(help="Day it settles, ISO, with settle; the day that waits.")] = None,
    book: Annotated[str, typer.Option(help="Whose.")] = "nifty",
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longest wait for risk's answer; 0 does not wait.")
    ] = _WAIT_S,
    broker: BrokerOption = None,
) -> None:
    """Halt, reduce, resume or flatten a book, set one of its limits, or tell the level its expired options settle at.

    What is for risk is followed by what risk made of it; a level is the executor's, and not waited for.
    """
    if kind is CommandKind.SETTLE:
        settle(level, source, operator=operator, underlying=underlying, day=day, book=book, broker=broker)
        return
    if level is not None or source or day is not None:
        raise ConfigError(f"{kind.value}: expected neither --level, --source nor --day, which belong to settle")
    _check(kind, operator, reason, limit, value)
    if not 0.0 <= wait <= _LONGEST_WAIT_S:
        raise ConfigError(f"--wait: expected 0 to {_LONGEST_WAIT_S:g} seconds, got {wait:g}")
    header = _header(kind, book)
    command = Command(header=header, kind=kind, operator=operator, reason=reason, limit=limit, value=value)
    _publish(command, broker, wait_s=wait)


def settle(
    level: float | None,
    source: str,
    *,
    operator: str,
    underlying: str,
    day: str | None,
    book: str,
    broker: str | None,
) -> None:
    """Tell the executor an index level; ConfigError for one that cannot be."""
    for option, text in (("operator", operator), ("source", source), ("underlying", underlying)):
        _check_line(option, text)
    if level is None or not math.isfinite(level) or level <= 0.0:
        raise ConfigError(f"--level: expected an index level above 0, got {level!r}")
    try:
        named = None if day is None else date.fromisoformat(day).isoformat()
    except ValueError:
        raise ConfigError(f"--day: expected a date such as 2026-08-04, got {shorten(day or '')}") from None
    command = Command(
        header=_header(CommandKind.SETTLE, book),
        kind=CommandKind.SETTLE,
        operator=operator,
        reason=source,
        value=level,
        source=source,
        underlying=underlying,
        day=named,
    )
    _publish(command, broker)


def _header(kind: CommandKind, book: str) -> Header:
    books = load_settings(BookSettings).books
    if book not in books:
        raise ConfigError(f"--book: expected one of {', '.join(books)} (THETAFLOW_BOOKS), got {shorten(book)}")
    now = SystemClock().now_ns()
    return Header.root(book=book, ts=now, seq=0, producer="cli", suffix=f"{kind.value}-{now % 1_000_000_000:09d}")


def _publish(command: Command, broker: str | None, *, wait_s: float = 0.0) -> None:
    with connect(*broker_of(broker)) as client:
        answers = AnswerOfRisk(client, command) if wait_s else None
        with client.publisher("cli") as publisher:
            publisher.publish([command])
        typer.echo(f"{command.kind.value} for {command.header.book} published as {command.header.id}")
        if answers is not None:
            _tell(answers.wait(wait_s), command)


def _tell(answer: RiskAnswer, command: Command) -> None:
    """Say what is in force; a limit that risk refused is a failure."""
    if command.kind is CommandKind.SET_LIMIT:
        typer.echo(f"{answer.alert.code}: {answer.alert.text}")
    typer.echo(f"{answer.halt.header.book}: {halt_line(answer.halt, ist_date(command.header.ts))}")
    if answer.alert.code == LIMIT_REFUSED:
        raise typer.Exit(1)


def _check(kind: CommandKind, operator: str, reason: str, limit: str | None, value: float | None) -> None:
    for option, text in (("operator", operator), ("reason", reason)):
        _check_line(option, text)
    if kind is CommandKind.SET_LIMIT:
        if not (limit or "").strip() or value is None or not math.isfinite(value):
            raise ConfigError(f"set_limit: expected --limit and a finite --value, got {limit!r} and {value!r}")
    elif limit is not None or value is not None:
        raise ConfigError(f"{kind.value}: expected neither --limit nor --value, got {limit!r} and {value!r}")


def _check_line(option: str, text: str) -> None:
    if not text.strip() or not text.isprintable():
        raise ConfigError(f"--{option}: expected one line of printable text, got {shorten(text)}")
