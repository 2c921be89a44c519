"""`thetaflow alerts` and the doctor say who is told, and never show an address."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.alerts.mailbox import Mailbox
from services.alerts.queue import AlertQueue
from services.alerts.records import QueuedAlert
from services.alerts.routing import rules_of
from services.alerts.settings import AlertSettings
from shared.events import Severity
from shared.settings import load_settings
from tests.fakes.webhook import FakeWebhook
from trading_system.cli.application import app
from trading_system.operations.checks.findings import Grade
from trading_system.operations.doctor import examine

SECRET = "chat-s3cret-9817"  # noqa: S105 - what must not be seen
NOW = 1_780_000_000_000_000_000
TO = "THETAFLOW_ALERTS_CRITICAL_TO"


def address(fake: FakeWebhook) -> str:
    return f"{fake.url.replace('http://', 'json://')}/{SECRET}"


def test_a_test_message_reaches_every_address_and_one_that_does_not_take_it_fails_the_command():
    with FakeWebhook() as fake:
        environ = {TO: address(fake), "THETAFLOW_ALERTS_WARNING_TO": f"{address(fake)}/other"}
        good = CliRunner().invoke(app, ["alerts", "test"], env=environ)
        fake.script.extend([200, 500])
        bad = CliRunner().invoke(app, ["alerts", "test"], env=environ)
    assert (good.exit_code, good.stdout.count(": taken")) == (0, 2)
    assert [body["type"] for body in fake.bodies[:2]] == ["failure", "warning"]
    assert (bad.exit_code, bad.stdout.count("NOT TAKEN")) == (1, 1)
    assert SECRET not in good.output + bad.output


def test_without_any_address_the_test_says_so():
    answer = CliRunner().invoke(app, ["alerts", "test"], env={TO: ""})
    assert answer.exit_code != 0
    assert TO in str(answer.exception)


def test_the_status_shows_what_waits_and_why(tmp_path: Path):
    environ = {TO: f"json://127.0.0.1:9/{SECRET}", "THETAFLOW_ALERTS_DIRECTORY": str(tmp_path)}
    mailbox, queue = Mailbox(rules_of(load_settings(AlertSettings, environ))), AlertQueue(tmp_path)
    alert = QueuedAlert(
        id="a",
        ts=NOW,
        seen_ns=NOW,
        book="nifty",
        producer="risk",
        severity=Severity.CRITICAL,
        code="halted",
        text="why",
    )
    taken = mailbox.accept(alert)
    assert taken is not None
    (message,) = mailbox.due(NOW)
    queue.append([taken, mailbox.refused(message, NOW, "the chat is gone")])
    queue.close()
    shown = json.loads(CliRunner().invoke(app, ["alerts", "status", "--json"], env=environ).stdout)
    assert shown["waiting"] == 1
    assert shown["without_address"] == ["info", "warning"]
    assert [row["refusal"] for row in shown["addresses"]] == ["the chat is gone"]
    table = CliRunner().invoke(app, ["alerts", "status"], env=environ).stdout
    assert "nobody is told of: info, warning" in table
    assert SECRET not in table + json.dumps(shown)


@pytest.mark.parametrize(
    ("environ", "grade", "words"),
    [
        ({}, Grade.WARNING, "nobody is told of critical alerts"),
        ({TO: "json://127.0.0.1/x"}, Grade.OK, "go to 1 addresses; nobody is told of info, warning"),
        ({TO: f"no-such-thing://{SECRET}"}, Grade.FAILED, "place 1"),
    ],
)
def test_the_doctor_names_what_nobody_is_told_of(environ: dict[str, str], grade: Grade, words: str):
    found = next(one for one in examine(date(2026, 11, 2), environ) if one.check == "alerts")
    assert found.grade is grade
    assert words in found.text
    assert SECRET not in found.text
