"""`thetaflow live`: every service on this machine until interrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from trading_system.commands.screen import STDERR
from trading_system.system import TradingSystem


def live(
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    broker: Annotated[
        str | None, typer.Option(help="Broker to use; THETAFLOW_BROKER_URL or an embedded one without it.")
    ] = None,
) -> None:
    """Run ingest, features, predictor, risk, executor, trainer and gateway until interrupted. Paper orders only."""
    STDERR.print("PAPER mode: no order leaves this machine. Ctrl-C ends it.")

    def on_restart(name: str, code: int, tail: str) -> None:
        STDERR.print(f"{name} ended with exit code {code} and is started again: {tail}")

    TradingSystem(book, broker_url=broker).run_live(on_restart)
