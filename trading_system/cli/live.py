"""`thetaflow live`: every service on this machine until interrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from services.executor.settings import ExecutorSettings
from services.ingest.settings import IngestSettings
from services.ingest.sources.registry import caution_of
from shared.settings import load_settings
from trading_system.cli.screen import STDERR
from trading_system.system import TradingSystem


def live(
    book: Annotated[str, typer.Option(help="Key of the events.")] = "nifty",
    broker: Annotated[
        str | None, typer.Option(help="Broker to use; THETAFLOW_BROKER_URL or an embedded one without it.")
    ] = None,
) -> None:
    """Run every service until interrupted; on paper, unless the venue's mode and the day's arming say otherwise."""
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

    def on_restart(name: str, code: int, tail: str) -> None:
        STDERR.print(f"{name} ended with exit code {code} and is started again: {tail}")

    TradingSystem(book, broker_url=broker).run_live(on_restart, STDERR.print)
