"""`thetaflow watch`: on another machine, an alarm when an installation falls silent."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from services.alerts.channels import open_channels
from services.alerts.mailbox import Mailbox
from services.alerts.routing import rules_of, severities_without_address
from services.alerts.settings import AlertSettings
from shared.clock import SystemClock
from shared.errors import ConfigError
from shared.events import Severity
from shared.settings import load_settings
from trading_system.cli.screen import STDERR
from trading_system.operations.outside_watch import OutsideWatch, ReadyPage


def watch_command(
    url: Annotated[str, typer.Argument(help="Of the gateway, such as http://desk.example:8080.")],
    every: Annotated[float, typer.Option(min=1.0, help="Seconds between looks.")] = 15.0,
    after: Annotated[float, typer.Option(min=0.0, help="Seconds it may be unwell before the alarm.")] = 60.0,
    again: Annotated[float, typer.Option(min=60.0, help="Seconds between alarms while it lasts.")] = 1_800.0,
) -> None:
    """Watch an installation from another machine, and tell this machine's THETAFLOW_ALERTS_* addresses when it falls silent."""
    settings = load_settings(AlertSettings)
    if Severity.CRITICAL in severities_without_address(settings):
        raise ConfigError("THETAFLOW_ALERTS_CRITICAL_TO: expected an address, got none: nobody could be told")
    page = ReadyPage(url, min(every, 10.0))
    watch = OutsideWatch(
        page.shown,
        page.look,
        Mailbox(rules_of(settings)),
        open_channels(settings),
        SystemClock(),
        after_s=after,
        again_s=again,
    )
    STDERR.print(f"watching {page.shown}. Ctrl-C ends it.", markup=False, highlight=False)
    never, before = threading.Event(), ""
    while True:
        seen = watch.turn()
        words = f"{'well' if seen.ok else 'NOT WELL'}: {seen.text}"
        if words != before:
            STDERR.print(words, markup=False, highlight=False)
        before = words
        never.wait(every)
