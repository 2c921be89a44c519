"""`thetaflow features` and `thetaflow lookahead`: the features of a day, and whether one of them saw the future."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trading_system.analysis.feature_export import export_features
from trading_system.analysis.lookahead import lookahead_of_day
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDERR, print_json
from trading_system.simulation.replay import DEFAULT_STORE

SourceArgument = Annotated[str, typer.Argument(help="A file, a day's folder, or an ISO date of the store.")]
StoreOption = Annotated[Path, typer.Option(help="Folder of the recorded days.")]
BookOption = Annotated[str, typer.Option(help="Key of the events.")]


def features_command(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    store: StoreOption = DEFAULT_STORE,
    book: BookOption = "nifty",
    as_json: JsonOption = False,
) -> None:
    """Write the feature vectors of a day to a Parquet file, one row per snapshot, null where a feature is missing."""
    with STDERR.status("computing features"):
        export = export_features(source, out, store=store, book=book)
    if as_json:
        print_json({"path": str(export.path), "rows": export.rows, "refused": export.refused})
    else:
        typer.echo(f"{export.rows:,} rows to {export.path}, {export.refused} captures refused")


def lookahead_command(
    source: SourceArgument,
    cuts: Annotated[int, typer.Option(min=1, help="Moments after which the future is altered.")] = 8,
    store: StoreOption = DEFAULT_STORE,
    book: BookOption = "nifty",
    as_json: JsonOption = False,
) -> None:
    """Alter the future of a day in several ways and at several moments; fail when any feature's past moves."""
    with STDERR.status("altering futures"):
        report = lookahead_of_day(source, store=store, book=book, cuts=cuts)
    if as_json:
        leaks = [{"feature": leak.feature, "text": str(leak)} for leak in report.leaks]
        counts = {"vectors": report.vectors, "cuts": len(report.cuts), "compared": report.compared}
        print_json({"clean": report.clean, "source": report.source, **counts, "leaks": leaks})
    else:
        for leak in report.leaks:
            typer.echo(str(leak))
        verdict = "no feature saw the future" if report.clean else f"{len(report.leaks)} LEAKS"
        typer.echo(f"{report.vectors:,} vectors, {len(report.cuts)} cuts, {report.compared:,} compared: {verdict}")
    raise typer.Exit(0 if report.clean else 1)
