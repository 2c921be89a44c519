"""`thetaflow arm`: the second of the two words live sending needs, for one book and one day."""

from __future__ import annotations

import getpass
import sys
from datetime import date
from typing import Annotated

import typer

from services.executor.audit.log import stamp_of
from services.executor.audit.operator_notes import keep_note
from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import Arming, arm, disarm
from shared.clock import SystemClock, ist_date
from shared.errors import ConfigError, NotArmedError
from shared.settings import load_settings
from trading_system.operations.checks.findings import Finding, Grade
from trading_system.operations.doctor import examine


def arm_command(
    book: Annotated[str, typer.Option(help="Whose signals may be sent.")] = "nifty",
    off: Annotated[bool, typer.Option("--off", help="Take the arming back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    override: Annotated[
        str, typer.Option(help="Arm although `doctor --live` finds faults; says why, for the audit log.")
    ] = "",
) -> None:
    """Let today's signals of a book go to the venue; THETAFLOW_EXECUTOR_VENUE_MODE=live is the other word.

    `doctor --live` is run first, and what it finds at fault refuses the arming unless `--override` says why not.
    """
    settings = load_settings(ExecutorSettings)
    if settings.directory is None:
        raise ConfigError("THETAFLOW_EXECUTOR_DIRECTORY: expected a folder for the arming file, got nothing")
    now_ns = SystemClock().now_ns()
    note = {
        "act": "disarm" if off else "arm",
        "book": book,
        "operator": getpass.getuser(),
        "at_moment": stamp_of(now_ns),
    }
    if off:
        disarm(settings.directory)
        typer.echo("disarmed")
        try:
            keep_note(settings.directory, note)
        except (ConfigError, OSError) as error:
            # Taken back it is; that nobody could write it down is the lesser matter.
            sys.stderr.write(f"thetaflow: not noted for the audit log: {error}\n")
        return
    day = ist_date(now_ns)
    faults = _faults(day, book, now_ns)
    if faults and not override.strip():
        listed = "; ".join(f"{number}. {each.check}: {each.todo or each.text}" for number, each in enumerate(faults, 1))
        raise NotArmedError(
            f"expected a live morning in order, got {len(faults)} faults: {listed}. `thetaflow doctor --live` tells more; "
            "`thetaflow arm --override REASON` arms all the same, and the reason is audited"
        )
    if not yes:
        typer.confirm(f"Send signals of {book} to the venue on {day}? This may cost real money", abort=True)
    # Noted first: what cannot be written down is not armed.
    texts = [f"{each.check}: {each.text}" for each in faults]
    keep_note(settings.directory, {**note, "day": day.isoformat(), "override": override.strip(), "faults": texts})
    path = arm(settings.directory, Arming(book=book, day=day.isoformat(), operator=getpass.getuser()))
    typer.echo(f"{book} is armed for {day} ({path}); mode {settings.venue_mode}")


def _faults(day: date, book: str, now_ns: int) -> list[Finding]:
    return [each for each in examine(day, live=True, book=book, now_ns=now_ns) if each.grade is Grade.FAILED]
