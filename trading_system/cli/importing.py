"""`thetaflow import`: captures of any known format into the store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from services.ingest.archive.importing import ImportReport, import_paths
from services.ingest.formats.terms import Terms
from shared.market.chain import DataVerdict
from shared.settings import TableSettings, load_settings
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDOUT, print_json, progress_bar
from trading_system.simulation.replay import DEFAULT_STORE


def import_command(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    store: Annotated[Path, typer.Option(help="Folder of the recorded days.")] = DEFAULT_STORE,
    book: Annotated[str, typer.Option(help="Whose chains they are.")] = "nifty",
    underlying: Annotated[str, typer.Option(help="Symbol of the book.")] = "NIFTY",
    as_json: JsonOption = False,
) -> None:
    """Recognise, judge and store captures; say what was read, what was refused and why."""
    with progress_bar("importing", quiet=as_json) as progress:
        terms = Terms.load(load_settings(TableSettings))
        report = import_paths(list(paths), store, progress, book=book, underlying=underlying, terms=terms)
    if as_json:
        print_json(_plain(report))
        return
    formats = ", ".join(f"{name} {count}" for name, count in report.formats.items()) or "none"
    typer.echo(f"files    {report.files:,} ({formats}; {report.passed_over} documents passed over)")
    typer.echo(f"read     {report.chains:,} moments, {report.rows:,} rows")
    typer.echo(f"stored   {report.stored:,} moments in {store}; {report.repeated:,} were there before")
    for name, rows in report.tables.items():
        typer.echo(f"table    {name}: {rows:,} rows")
    if report.kept_aside is not None:
        typer.echo(f"aside    {report.set_aside:,} parts left out; what was refused or left out: {report.kept_aside}")
    if report.examples:
        table = Table("refused", "count", "for example", box=None)
        counts = Counter({**report.refused, DataVerdict.SET_ASIDE: report.set_aside})
        for verdict, count in (+counts).most_common():
            example = report.examples[verdict][0]
            table.add_row(verdict.value, f"{count:,}", f"{example.text} ({Path(example.where).name or example.where})")
        STDOUT.print(table)


def _plain(report: ImportReport) -> dict[str, object]:
    return {
        "files": report.files,
        "passed_over": report.passed_over,
        "formats": dict(report.formats),
        "chains": report.chains,
        "rows": report.rows,
        "stored": report.stored,
        "repeated": report.repeated,
        "tables": dict(report.tables),
        "refused": {verdict.value: count for verdict, count in report.refused.items()},
        "set_aside": report.set_aside,
        "kept_aside": None if report.kept_aside is None else str(report.kept_aside),
        "examples": {
            verdict.value: [{"text": one.text, "where": one.where} for one in refusals]
            for verdict, refusals in report.examples.items()
        },
    }
