"""`thetaflow train` and `thetaflow models`: from days to a verdict, and which bundle decides.

The libraries that train are large and not needed by any other command, so they are imported when one of these runs.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared.clock import SystemClock
from shared.errors import ConfigError
from shared.process import limit_threads
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDERR, STDOUT, print_json
from trading_system.simulation.replay import DEFAULT_STORE

if TYPE_CHECKING:
    from trading_system.offline.training_set import Progress as TrainingProgress

MODELS = Path("data/models")
ModelsOption = Annotated[Path, typer.Option("--models", help="Folder of the model registry.")]
ReasonOption = Annotated[str, typer.Option(help="Why; written into the registry's history.")]

models_app = typer.Typer(help="List, show, promote or roll back trained bundles.", no_args_is_help=True)


class Market(StrEnum):
    """Market with a known edges to learn from: with an edge of known strength, or with none."""

    EDGE = "edge"
    NONE = "none"


def train_command(
    sources: Annotated[list[str] | None, typer.Argument(help="Files, folders, or ISO dates of the store.")] = None,
    synthetic: Annotated[
        Market | None, typer.Option(help="A market with a known edge instead of recorded days.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the market with a known edge and of the training.")] = 7,
    days: Annotated[
        str | None,
        typer.Option(help="Sessions of the market with a known edge, or recorded days: 2025-10-13,2025-10-14 or all."),
    ] = None,
    store: Annotated[Path, typer.Option(help="Folder of the recorded days.")] = DEFAULT_STORE,
    models: ModelsOption = MODELS,
    report: Annotated[Path | None, typer.Option(help="Write the report: .html with pictures, or .md.")] = None,
    explanation: Annotated[str, typer.Option(help="Why an accuracy above 55 % is believed.")] = "",
    search: Annotated[
        int, typer.Option(min=0, help="Plans to try on the days before the first judged one; each counts as tried.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train the ensemble, judge it against those who need none, and promote it only when it beats them."""
    limit_threads()
    from trading_system.offline.training import TrainingRequest, train  # noqa: PLC0415 - see the module
    from trading_system.offline.training_report import as_json as plain  # noqa: PLC0415
    from trading_system.offline.training_report import as_words, write_report  # noqa: PLC0415

    chosen = _sources(sources, synthetic, days, store)
    request = TrainingRequest(
        sources=tuple(chosen),
        synthetic=None if synthetic is None else synthetic.value,
        seed=seed,
        store=store,
        models=models,
        explanation=explanation,
        search=search,
    )
    if synthetic is not None and days is not None:
        request = replace(request, days=int(days))
    with _bars(quiet=as_json) as progress:
        outcome = train(request, progress=progress)
    if report is not None:
        write_report(outcome, report)
    if as_json:
        print_json(plain(outcome))
    else:
        typer.echo(as_words(outcome))


def _sources(given: list[str] | None, synthetic: Market | None, days: str | None, store: Path) -> list[str]:
    if synthetic is not None:
        if given:
            raise ConfigError(f"expected sources or --synthetic, got both: {', '.join(given)}")
        if days is not None and not days.isdecimal():
            raise ConfigError(f"--days: expected a number of sessions with --synthetic, got {days!r}")
        return []
    named = list(given or ())
    if days is not None and days != "all":
        named += days.split(",")
    elif not named:
        from trading_system.offline.training_set import stored_days  # noqa: PLC0415 - see the module

        named = stored_days(store)
    return named


@contextmanager
def _bars(*, quiet: bool) -> Iterator[TrainingProgress]:
    """Show one bar per thing that is done, on stderr."""
    if quiet:
        yield lambda *_: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=STDERR) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)

        yield advance


@models_app.command(name="list")
def list_command(models: ModelsOption = MODELS, as_json: JsonOption = False) -> None:
    """List bundles, the newest training first."""
    from trading_system.operations.models import list_models  # noqa: PLC0415 - see the module

    rows = list_models(models)
    if as_json:
        print_json({"models": rows})
        return
    table = Table("version", "role", "trained until", "samples", "verdict", "problem", box=None)
    for row in rows:
        names = ("version", "role", "trained_until", "samples", "verdict", "problem")
        table.add_row(*("" if row[name] is None else str(row[name]) for name in names))
    STDOUT.print(table if rows else "no bundles: `thetaflow train` makes one")


@models_app.command(name="show")
def show_command(version: str, models: ModelsOption = MODELS) -> None:
    """Show a bundle's manifest and every verdict on it."""
    from trading_system.operations.models import show_model  # noqa: PLC0415 - see the module

    print_json(show_model(models, version))


@models_app.command(name="promote")
def promote_command(version: str, reason: ReasonOption, models: ModelsOption = MODELS) -> None:
    """Let a bundle decide from the predictor's next start on."""
    from trading_system.operations.models import promote_model  # noqa: PLC0415 - see the module

    full = promote_model(models, version, reason=reason, operator=getpass.getuser(), ts=SystemClock().now_ns())
    typer.echo(f"{full} decides")


@models_app.command(name="rollback")
def rollback_command(reason: ReasonOption, models: ModelsOption = MODELS) -> None:
    """Let the champion before the present one decide again."""
    from trading_system.operations.models import rollback_model  # noqa: PLC0415 - see the module

    full = rollback_model(models, reason=reason, operator=getpass.getuser(), ts=SystemClock().now_ns())
    typer.echo(f"{full} decides again")
