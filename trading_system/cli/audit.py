"""`thetaflow audit`: whether the audit log is as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.executor.audit.log import past_retention, read_audit, verify
from services.executor.settings import ExecutorSettings
from shared.clock import SystemClock, ist_date
from shared.errors import ConfigError
from shared.settings import load_settings
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import print_json

app = typer.Typer(help="Verify or show the hash-chained audit log.", no_args_is_help=True)

DirectoryArgument = Annotated[
    Path | None, typer.Argument(help="Folder of the audit files; THETAFLOW_EXECUTOR_DIRECTORY without it.")
]


@app.command(name="verify")
def verify_command(directory: DirectoryArgument = None, as_json: JsonOption = False) -> None:
    """Walk the whole chain; name every line that was changed, added or taken away."""
    report = verify(_directory(directory))
    if as_json:
        print_json({"ok": report.ok, "files": report.files, "lines": report.lines, "problems": list(report.problems)})
    else:
        for problem in report.problems:
            typer.echo(problem)
        typer.echo(f"{report.files} files, {report.lines} lines: {'the chain holds' if report.ok else 'BROKEN'}")
    raise typer.Exit(0 if report.ok else 1)


@app.command(name="show")
def show_command(
    directory: DirectoryArgument = None,
    days: Annotated[int, typer.Option(min=1, help="Newest day files to show.")] = 1,
) -> None:
    """Show audit lines as JSON, oldest first."""
    for line in read_audit(_directory(directory), newest=days):
        typer.echo(json.dumps(line, ensure_ascii=False))


@app.command(name="expired")
def expired_command(directory: DirectoryArgument = None, as_json: JsonOption = False) -> None:
    """List day files older than THETAFLOW_EXECUTOR_AUDIT_YEARS; nothing deletes them, you may."""
    years = load_settings(ExecutorSettings).audit_years
    today = ist_date(SystemClock().now_ns())
    names = [path.name for path in past_retention(_directory(directory), today, years)]
    if as_json:
        print_json({"years": years, "files": names})
        return
    for name in names:
        typer.echo(name)
    typer.echo(f"{len(names)} files older than {years} years")


def _directory(given: Path | None) -> Path:
    directory = given or load_settings(ExecutorSettings).directory
    if directory is None or not directory.is_dir():
        raise ConfigError(f"expected a folder of audit files, got {directory}; see THETAFLOW_EXECUTOR_DIRECTORY")
    return directory
