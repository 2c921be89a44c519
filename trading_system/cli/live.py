"""`thetaflow live`: every service on this machine until interrupted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from services.executor.settings import ExecutorSettings
from services.ingest.settings import IngestSettings
from services.ingest.sources.registry import caution_of
from shared.errors import BadInputError, ConfigError
from shared.settings import load_settings
from trading_system.cli.screen import STDERR
from trading_system.rehearsal.run import Rehearsal, rehearse
from trading_system.simulation.replay import DEFAULT_STORE
from trading_system.system import TradingSystem

_EXIT_DIFFERS = 3


def live(
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    broker: Annotated[
        str | None, typer.Option(help="Broker to use; THETAFLOW_BROKER_URL or an embedded one without it.")
    ] = None,
    rehearse_day: Annotated[
        str | None,
        typer.Option("--rehearse", help="ISO date: run this day, recorded or made up, on this machine alone."),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=3600.0, help="With --rehearse: times the market's pace.")] = 60.0,
    store: Annotated[Path, typer.Option(help="With --rehearse: folder of the recorded days.")] = DEFAULT_STORE,
    folder: Annotated[
        Path | None, typer.Option(help="With --rehearse: where all of it goes; a new folder without it.")
    ] = None,
    warm_up: Annotated[
        float, typer.Option(min=0.0, help="With --rehearse: seconds the clock stands while the services start.")
    ] = 20.0,
    once: Annotated[bool, typer.Option("--once", help="With --rehearse: end with the report of the day.")] = False,
) -> None:
    """Run every service until interrupted; on paper, unless the venue's mode and the day's arming say otherwise."""
    if rehearse_day is not None:
        if broker is not None:
            raise ConfigError("--broker: expected none with --rehearse, which has a broker of its own")
        asked = Rehearsal(_date(rehearse_day), speed, book, store, folder, once, warm_up)
        STDERR.print("REHEARSAL: the market and the venue are made up, nothing leaves this machine. Ctrl-C ends it.")
        report = rehearse(asked, _on_restart, STDERR.print)
        raise typer.Exit(0 if report is None or report.equal else _EXIT_DIFFERS)
    settings = load_settings(ExecutorSettings)
    words = {
        "off": "PAPER: no order leaves this machine",
        "dry_run": f"DRY RUN: what would be sent to {settings.venue} is only said",
        "live": f"LIVE: signals go to {settings.venue} once the day is armed",
    }
    caution = caution_of(load_settings(IngestSettings).source)
    if caution is not None:
        STDERR.print(caution)
    STDERR.print(f"{words[settings.venue_mode]}. Ctrl-C ends it.")

    TradingSystem(book, broker_url=broker).run_live(_on_restart, STDERR.print)


def _on_restart(name: str, code: int, tail: str) -> None:
    STDERR.print(f"{name} ended with exit code {code} and is started again: {tail}")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInputError("an ISO date such as 2026-08-04", text, "--rehearse") from error
