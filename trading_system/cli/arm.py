"""`thetaflow arm`: the second of the two words live sending needs, for one book and one day."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import Arming, arm, disarm
from shared.clock import SystemClock, ist_date
from shared.errors import ConfigError
from shared.settings import load_settings


def arm_command(
    book: Annotated[str, typer.Option(help="Whose signals may be sent.")] = "nifty",
    off: Annotated[bool, typer.Option("--off", help="Take the arming back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let today's signals of a book go to the venue; THETAFLOW_EXECUTOR_VENUE_MODE=live is the other word."""
    settings = load_settings(ExecutorSettings)
    if settings.directory is None:
        raise ConfigError("THETAFLOW_EXECUTOR_DIRECTORY: expected a folder for the arming file, got nothing")
    if off:
        disarm(settings.directory)
        typer.echo("disarmed")
        return
    day = ist_date(SystemClock().now_ns()).isoformat()
    if not yes:
        typer.confirm(f"Send signals of {book} to the venue on {day}? This may cost real money", abort=True)
    path = arm(settings.directory, Arming(book=book, day=day, operator=getpass.getuser()))
    typer.echo(f"{book} is armed for {day} ({path}); mode {settings.venue_mode}")
