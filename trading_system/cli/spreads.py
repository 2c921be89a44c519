"""`thetaflow spreads`: how wide recorded quotes stand, against the table of what is still a quote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from services.ingest.sources.recorded.replay import open_replay
from shared.events import ChainSnapshot
from shared.market.quote_table import QuoteTable
from shared.settings import TableSettings, load_settings
from trading_system.analysis.quote_spreads import measure_spreads
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDOUT, print_json, progress_bar
from trading_system.simulation.replay import DEFAULT_STORE
from trading_system.wiring import Installation


def spreads_command(
    paths: Annotated[list[str], typer.Argument(help="Captures, folders of them, or stored days.")],
    store: Annotated[Path, typer.Option(help="Folder of the recorded days.")] = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Measure spreads near the money by days left and premium, to check or renew the table of quotes."""
    table = QuoteTable.load(load_settings(TableSettings).place("quotes"))
    with progress_bar("measuring", quiet=as_json) as progress:
        told = None if progress is None else partial(_tell, progress)
        found = measure_spreads(_snapshots(paths, store), table, told)
    if as_json:
        print_json({"groups": [asdict(one) for one in found]})
        return
    shown = Table("days left", "premium", "quotes", "median", "99 %", "99.9 %", "no quote by the table", box=None)
    for one in found:
        shares = (f"{share:.3f}" for share in (one.median, one.high, one.highest))
        shown.add_row(f"to {one.days}", f"from {one.premium:g}", f"{one.quotes:,}", *shares, f"{one.beyond:.3%}")
    typer.echo("spread as a share of the middle, strikes within 3 % of the money")
    STDOUT.print(shown)


def _tell(progress: Callable[[int, int | None], None], done: int) -> None:
    progress(done, None)


def _snapshots(paths: list[str], store: Path) -> Iterator[ChainSnapshot]:
    house = Installation.load()
    for path in paths:
        ingest = house.ingest_handler("nifty")
        for item in open_replay(path, store=store):
            yield from (event for event in ingest.accept(item) if isinstance(event, ChainSnapshot))
