"""`thetaflow models`: which bundle decides, and why."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shared.clock import SystemClock
from trading_system.commands.broker_options import JsonOption
from trading_system.commands.screen import STDOUT, print_json
from trading_system.commands.train import DEFAULT_MODELS

app = typer.Typer(help="List, show, promote and roll back trained models.", no_args_is_help=True)

FolderOption = Annotated[Path, typer.Option("--models", help="Folder of the model registry.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is written down.")]


@app.command(name="list")
def list_command(models: FolderOption = DEFAULT_MODELS, as_json: JsonOption = False) -> None:
    """List every bundle, the newest training first."""
    from trading_system.models import list_models  # noqa: PLC0415 - loads the learning libraries

    rows = list_models(models)
    if as_json:
        print_json({"models": rows})
        return
    table = Table("version", "role", "trained until", "AUC", "calibration", "verdict", "problem")
    for row in rows:
        metrics = row["metrics"]
        figures = metrics if isinstance(metrics, dict) else {}
        table.add_row(
            str(row["version"])[:12],
            str(row["role"] or ""),
            str(row["trained_until"] or ""),
            f"{figures.get('auc', float('nan')):.4f}",
            f"{figures.get('calibration_error', float('nan')):.4f}",
            str(row["verdict"] or ""),
            str(row["problem"]),
        )
    STDOUT.print(table)


@app.command(name="show")
def show_command(version: str, models: FolderOption = DEFAULT_MODELS) -> None:
    """Show a bundle's manifest and every verdict on it."""
    from trading_system.models import show_model  # noqa: PLC0415 - loads the learning libraries

    typer.echo(json.dumps(show_model(models, version), indent=2, ensure_ascii=False))


@app.command(name="promote")
def promote_command(
    version: str, models: FolderOption = DEFAULT_MODELS, reason: ReasonOption = "by hand", as_json: JsonOption = False
) -> None:
    """Let a bundle decide from now on."""
    from trading_system.models import promote_model  # noqa: PLC0415 - loads the learning libraries

    full = promote_model(models, version, reason=reason, operator=getpass.getuser(), ts=SystemClock().now_ns())
    _say(full, "decides", as_json=as_json)


@app.command(name="rollback")
def rollback_command(
    models: FolderOption = DEFAULT_MODELS, reason: ReasonOption = "by hand", as_json: JsonOption = False
) -> None:
    """Let the bundle before the present one decide again."""
    from trading_system.models import rollback_model  # noqa: PLC0415 - loads the learning libraries

    full = rollback_model(models, reason=reason, operator=getpass.getuser(), ts=SystemClock().now_ns())
    _say(full, "decides again", as_json=as_json)


def _say(version: str, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"champion": version})
    else:
        typer.echo(f"{version} {what}")
