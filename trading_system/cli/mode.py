"""`thetaflow mode` and `thetaflow replay`: what an installation does now, and whether a day comes out again as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from shared.clock import from_ns
from shared.events import DayReported, ModeChanged
from shared.streaming.connect import connect
from trading_system.cli.broker_options import BrokerOption, JsonOption, broker_of
from trading_system.cli.screen import STDOUT, print_json
from trading_system.modes.replay import replay_day
from trading_system.simulation.replay import DEFAULT_STORE
from trading_system.wiring import Installation

_EXIT_DIFFERS: Final = 3
BookOption = Annotated[str, typer.Option(help="Key of the events.")]


def mode_command(broker: BrokerOption = None, book: BookOption = "nifty", as_json: JsonOption = False) -> None:
    """Say whether a book is LIVE or OFFLINE, until when, and what came of the last day."""
    with connect(*broker_of(broker)) as client:
        history = client.history()
        changed, reported = history.newest_of(ModeChanged, book), history.newest_of(DayReported, book)
    if as_json:
        told: dict[str, Any] = {"mode": msgspec.to_builtins(changed), "report": msgspec.to_builtins(reported)}
        print_json(told)
        return
    for line in mode_lines(book, changed, reported):
        STDOUT.print(line, markup=False, highlight=False, soft_wrap=True)


def mode_lines(book: str, changed: ModeChanged | None, reported: DayReported | None) -> list[str]:
    """Say it in lines."""
    if changed is None:
        return [f"{book}: no mode was told yet; the offline process tells it"]
    since, until = (f"{from_ns(ns):%d-%b-%Y %H:%M}" for ns in (changed.header.ts, changed.until))
    states = f"{len(changed.states)} states archived" if changed.states else ""
    lines = [f"{book}: {changed.mode.value.upper()} since {since} until {until}, session of {changed.day}"]
    if states:
        lines.append(f"  {states}")
    if reported is not None:
        verdict = {True: "replay equal to live", False: "REPLAY DIFFERS", None: "not replayed"}[reported.equal]
        lines.append(f"  report of {reported.day}: {verdict} ({reported.path}) {reported.text}".rstrip())
    return lines


def replay_command(
    day: Annotated[str, typer.Argument(help="ISO date of a recorded day.")],
    store: Annotated[Path, typer.Option(help="Folder of the recorded days.")] = DEFAULT_STORE,
    book: BookOption = "nifty",
    as_json: JsonOption = False,
) -> None:
    """Replay a recorded day from the states of its open and compare; exit code 3 when a decision differs."""
    again = replay_day(store, book, day, Installation.load().services())
    difference = again.difference
    if as_json:
        told: dict[str, Any] = {
            "book": book,
            "day": day,
            "equal": difference is None,
            "fed": again.fed,
            "decisions": len(again.live),
            "live_hash": again.live_hash,
            "replayed_hash": again.replayed_hash,
            "difference": None if difference is None else msgspec.to_builtins(difference),
        }
        print_json(told)
    else:
        typer.echo(f"{day} of {book}: {len(again.live)} decisions live, {again.fed} events fed")
        typer.echo(f"live      {again.live_hash}")
        typer.echo(f"replayed  {again.replayed_hash}")
        typer.echo("equal" if difference is None else f"first difference: {difference.text}")
    if difference is not None:
        raise typer.Exit(_EXIT_DIFFERS)
