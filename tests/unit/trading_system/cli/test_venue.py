"""`thetaflow venue test` writes a 0, shows the answer, and keeps its shape only when an operator says that it means stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from services.executor.venues.answers import AnswerShape
from services.executor.venues.arming import FILE, Arming, arm, known_answer
from services.executor.venues.write import WRITE, Write, WriteState
from shared.clock import SystemClock, ist_date
from shared.errors import BadInputError, ConfigError
from tests.fakes import tradetron as fake
from tests.fakes.tradetron import FakeTradetron
from trading_system.cli.application import app

TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's
TEST = ["venue", "test"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTradetron]:
    with FakeTradetron(TOKEN) as running:
        monkeypatch.setenv("THETAFLOW_EXECUTOR_DIRECTORY", str(tmp_path))
        monkeypatch.setenv("THETAFLOW_EXECUTOR_TRADETRON_TOKEN", TOKEN)
        monkeypatch.setenv("THETAFLOW_EXECUTOR_TRADETRON_URL", running.url)
        yield running


def test_what_the_operator_confirms_is_kept_without_the_token(server: FakeTradetron, tmp_path: Path):
    server.ok_body = '{"success":true,"message":"stored for ' + TOKEN + '"}'
    result = CliRunner().invoke(app, TEST, input="y\ny\n")
    assert result.exit_code == 0, result.output
    assert server.value("gap") == "0"
    assert '"success":true' in result.output
    assert known_answer(tmp_path, "tradetron") == AnswerShape(
        status=200, content_type="", body="{message:text,success:true}"
    )
    assert TOKEN not in result.output + (tmp_path / FILE).read_text()


def test_nothing_is_sent_or_kept_without_a_yes(server: FakeTradetron, tmp_path: Path):
    assert CliRunner().invoke(app, TEST, input="n\n").exit_code == 1
    assert server.calls == []
    assert CliRunner().invoke(app, TEST, input="y\nn\n").exit_code == 1
    assert known_answer(tmp_path, "tradetron") is None


@pytest.mark.parametrize(
    "mood", [fake.SUCCESS_FALSE, fake.MAINTENANCE, fake.ERROR_TEXT, fake.UNAUTHORISED, fake.BROKEN]
)
def test_an_answer_that_cannot_mean_stored_is_not_asked_about(server: FakeTradetron, tmp_path: Path, mood: str):
    server.script.append(mood)
    result = CliRunner().invoke(app, TEST, input="y\ny\n")
    assert isinstance(result.exception, BadInputError)
    assert known_answer(tmp_path, "tradetron") is None


def test_a_0_is_not_written_under_a_book_that_may_hold_something(server: FakeTradetron, tmp_path: Path):
    arm(tmp_path, Arming(book="nifty", day=ist_date(SystemClock().now_ns()).isoformat(), operator="test"))
    armed = CliRunner().invoke(app, TEST, input="y\ny\n")
    assert isinstance(armed.exception, ConfigError)
    assert "arm --off" in str(armed.exception)
    (tmp_path / FILE).unlink()
    entry = Write(book="nifty", variable=1, fence=4, value=1, why="test", state=WriteState.UNKNOWN)
    (tmp_path / "outbox-nifty.jsonl").write_bytes(WRITE.encode(entry) + b"\n")
    held = CliRunner().invoke(app, TEST, input="y\ny\n")
    assert isinstance(held.exception, ConfigError)
    zero = msgspec.structs.replace(entry, value=0, state=WriteState.CONFIRMED)
    (tmp_path / "outbox-nifty.jsonl").write_bytes(WRITE.encode(entry) + b"\nnot a line\n" + WRITE.encode(zero) + b"\n")
    assert CliRunner().invoke(app, TEST, input="y\ny\n").exit_code == 0
    assert [call.values["gap"] for call in server.calls] == ["0"]
