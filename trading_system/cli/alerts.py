"""`thetaflow alerts`: whether alerts reach a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.alerts.channels import open_channels
from services.alerts.mailbox import Mailbox, Message
from services.alerts.queue import FILE, read_records
from services.alerts.records import QueuedAlert
from services.alerts.routing import rules_of, severities_without_address
from services.alerts.settings import AlertSettings
from services.alerts.wording import body_of, title_of
from shared.clock import SystemClock, from_ns
from shared.errors import ConfigError
from shared.events import Severity
from shared.settings import load_settings
from trading_system.cli.broker_options import JsonOption
from trading_system.cli.screen import STDOUT, print_json

app = typer.Typer(help="Test who is told, and see what was told and what waits.", no_args_is_help=True)

_TEST_CODE = "test"


@app.command(name="test")
def send_test(
    severity: Annotated[Severity | None, typer.Option(help="Only the addresses of this severity.")] = None,
) -> None:
    """Send a test message to every address there is, and say of each whether it was taken."""
    settings = load_settings(AlertSettings)
    channels, rules = open_channels(settings), rules_of(settings)
    chosen = tuple(reversed(Severity)) if severity is None else (severity,)
    keys = dict.fromkeys(key for one in chosen for key in rules.routes[one])
    if severity is None:
        keys |= dict.fromkeys(rules.heartbeat)
    if not keys:
        raise ConfigError("THETAFLOW_ALERTS_CRITICAL_TO: expected an address, got none: nobody can be told")
    failed = False
    for key in keys:
        loud = next((one for one in chosen if key in rules.routes[one]), Severity.INFO)
        message = Message(key, (_test_notice(loud),))
        reason = channels[key].send(title_of(message), body_of(message, message.notices[0].seen_ns), loud)
        failed = failed or bool(reason)
        STDOUT.print(f"{key}: {f'NOT TAKEN: {reason}' if reason else 'taken'}", markup=False, highlight=False)
    if failed:
        raise typer.Exit(1)


@app.command(name="status")
def show_status(as_json: JsonOption = False) -> None:
    """Say for each address what it took and what waits for it, out of the queue of the alert service on this machine."""
    settings = load_settings(AlertSettings)
    mailbox = _mailbox(settings)
    rows = list(_rows(settings, mailbox))
    missing = [one.value for one in severities_without_address(settings)]
    if as_json:
        print_json({"addresses": rows, "waiting": mailbox.waiting, "without_address": missing})
        return
    table = Table("address", "told of", "taken", "last taken (IST)", "waiting", "last refusal", box=None)
    for row in rows:
        last = f"{from_ns(row['last_ns']):%Y-%m-%d %H:%M:%S}" if row["last_ns"] else "never"
        table.add_row(row["address"], row["told_of"], str(row["taken"]), last, str(row["waiting"]), row["refusal"])
    STDOUT.print(table if rows else "no address: nobody is told")
    if missing:
        STDOUT.print(f"nobody is told of: {', '.join(missing)}")


def _mailbox(settings: AlertSettings) -> Mailbox:
    path: Path = settings.directory / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise ConfigError(f"THETAFLOW_ALERTS_DIRECTORY: expected a readable {path}, got {error}") from error
    mailbox = Mailbox(rules_of(settings))
    mailbox.fold(read_records(content))
    return mailbox


def _rows(settings: AlertSettings, mailbox: Mailbox) -> Iterator[dict[str, Any]]:
    rules = rules_of(settings)
    for key, address in mailbox.addresses.items():
        told_of = [one.value for one in Severity if key in rules.routes[one]]
        told_of += ["heartbeat"] if key in rules.heartbeat else []
        yield {
            "address": key,
            "told_of": ", ".join(told_of),
            "taken": address.delivered,
            "last_ns": address.last_sent_ns,
            "waiting": len(address.waiting),
            "refusal": address.reason,
        }


def _test_notice(severity: Severity) -> QueuedAlert:
    now = SystemClock().now_ns()
    return QueuedAlert(
        id=f"test-{now}",
        ts=now,
        seen_ns=now,
        book="test",
        producer="cli",
        severity=severity,
        code=_TEST_CODE,
        text="this is a test: alerts of Thetaflow reach you here",
    )
