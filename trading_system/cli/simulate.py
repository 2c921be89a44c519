"""`thetaflow simulate`: replay and report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trading_system.cli.screen import print_json, progress_bar
from trading_system.simulation.replay import SimulationRequest, simulate


class EngineName(StrEnum):
    """Engines a replay can run on."""

    MEMORY = "memory"
    REDIS = "redis"


def simulate_command(
    source: Annotated[
        str, typer.Argument(help="A file, a day's folder, a folder of days, or an ISO date of the store.")
    ],
    engine: Annotated[
        EngineName, typer.Option(help="One process, or service processes over a broker.")
    ] = EngineName.MEMORY,
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    broker: Annotated[
        str | None, typer.Option(help="An empty broker to use; an embedded one is started without it.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Folder of recorded days.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Replay recorded market data through the whole pipeline; print trades, a summary and the golden hash."""
    request = SimulationRequest(source=source, engine=engine.value, book=book, broker_url=broker, store=store)
    with progress_bar("replaying", quiet=as_json) as progress:
        report = simulate(request, progress=progress)
    if as_json:
        print_json(report.as_json())
        return
    for line in report.lines():
        typer.echo(line)
