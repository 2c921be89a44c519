"""`thetaflow demo`: a made-up day through the real processes."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from trading_system.cli.screen import STDERR, print_json, progress_bar
from trading_system.simulation.demo import run_demo
from trading_system.simulation.report import SimulationReport


def demo(
    seed: Annotated[int, typer.Option(help="Which made-up market.")] = 8,
    days: Annotated[int, typer.Option(min=1, help="How many of its days.")] = 1,
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    port: Annotated[int | None, typer.Option(help="Port of the dashboard; a free one without it.")] = None,
    serve: Annotated[
        float | None, typer.Option(help="Keep everything up for so many seconds after the day; 0 until Ctrl-C.")
    ] = None,
    richness: Annotated[
        float,
        typer.Option(
            min=-0.5, max=2.0, help="How much implied volatility is over what is realised; 0.2 is 20 %. Risk is told."
        ),
    ] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Play a synthetic trading day through all services over a real broker; print trades, summary and golden hash."""

    def before_end(report: SimulationReport, address: str) -> None:
        if not as_json:
            for line in report.lines():
                typer.echo(line)
        if serve is None:
            return
        STDERR.print(f"dashboard at {address}" + ("" if serve else ", Ctrl-C ends it"))
        try:
            threading.Event().wait(serve or None)
        except KeyboardInterrupt:
            STDERR.print("ending")

    with progress_bar("a synthetic day, as paper trades", quiet=as_json) as progress:
        report = run_demo(
            seed=seed, days=days, book=book, port=port, progress=progress, richness=richness, before_end=before_end
        )
    if as_json:
        print_json(report.as_json())
