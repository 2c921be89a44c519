"""`thetaflow control` says what risk made of a command: risk and executor as processes on a real broker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.errors import PipelineBehindError
from shared.events import Command, CommandKind, HaltState
from shared.events.topology import Topic
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from tests.desk import SMALL_LOSS, trading_desk
from trading_system.cli.application import app

pytestmark = pytest.mark.broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker") as server:
        yield server


def control(url: str, kind: str, *options: str) -> Result:
    """Give a command as asha does, with time for a machine under load."""
    said = ["--operator", "asha", "--reason", "drill", "--broker", url]
    return CliRunner().invoke(app, ["control", kind, *said, "--wait", "30", *options])


def answer_to(url: str, kind: str, *options: str) -> str:
    """Give a command that risk takes, and what is said of it after the first line."""
    given = control(url, kind, *options)
    assert given.exit_code == 0, given.output
    first, rest = given.stdout.split("\n", 1)
    assert first.startswith(f"{kind} for nifty published as nifty-")
    return rest


def test_each_command_is_followed_by_what_is_in_force(broker: EmbeddedRedis):
    now = r"\d\d:\d\d:\d\d"
    with trading_desk(broker.url) as desk:
        for kind, state in (
            ("halt", "halted"),
            ("halt", "halted"),
            ("resume", "active"),
            ("reduce", "reducing"),
            ("flatten", "halted"),
        ):
            assert re.fullmatch(f"nifty: {state} since {now} by asha: drill\n", answer_to(broker.url, kind)), kind
        limited = answer_to(broker.url, "set_limit", "--limit", "max_positions", "--value", "2")
        assert re.fullmatch(
            f"limit_set: max_positions = 2 by asha: drill\nnifty: halted since {now} by asha: drill\n", limited
        )
        refused = control(broker.url, "set_limit", "--limit", "max_wishes", "--value", "2")
        assert refused.exit_code == 1
        assert "limit_refused: " in refused.stdout
        assert "max_wishes" in refused.stdout
        assert len(desk.events(Topic.CONTROL)) == 7


def test_a_latch_is_named_until_resume_lifts_it(broker: EmbeddedRedis):
    with trading_desk(broker.url, SMALL_LOSS) as desk:
        desk.lose()
        (latch,) = desk.halt(lambda halt: halt.state is HaltState.HALTED).latches
        fell = f"nifty: halted since 2025-08-29 10:04:00 by daily_loss: {latch.text} (2025-08-29 10:04:00)"
        assert answer_to(broker.url, "reduce") == f"{fell}; reduce by asha: drill\n"
        assert re.fullmatch(r"nifty: active since \d\d:\d\d:\d\d by asha: drill\n", answer_to(broker.url, "resume"))


def test_flatten_closes_what_is_open_and_says_halted(broker: EmbeddedRedis):
    with trading_desk(broker.url) as desk:
        desk.sell()
        assert "nifty: halted since" in answer_to(broker.url, "flatten")
        assert not desk.snapshot().positions


def test_without_risk_it_fails_and_the_command_counts_once_risk_is_there(broker: EmbeddedRedis):
    silent = control(broker.url, "halt", "--wait", "0.2")
    assert isinstance(silent.exception, PipelineBehindError)
    assert "within 0.2 s, got none: the command stays in the stream" in str(silent.exception)
    (given,) = read_stream(broker.url, Topic.CONTROL)
    assert isinstance(given, Command)
    assert given.header.id in silent.stdout
    with trading_desk(broker.url) as desk:
        halt = desk.halt(lambda halt: halt.state is HaltState.HALTED)
    assert (halt.command, halt.operator, halt.reason) == (CommandKind.HALT, "asha", "drill")


def test_who_does_not_want_to_wait_is_told_that_it_is_published_and_no_more(broker: EmbeddedRedis):
    given = control(broker.url, "halt", "--wait", "0")
    assert given.exit_code == 0
    assert given.stdout.count("\n") == 1
    assert len(list(read_stream(broker.url, Topic.CONTROL))) == 1
