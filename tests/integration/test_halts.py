"""What risk says of the halt reaches those who must show it, with risk and executor as processes on a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from services.executor.audit.log import read_audit, stamp_of, verify
from shared.events import Command, CommandKind, HaltState, Header
from shared.events.topology import DEFAULT_PARTITIONS, Topic, partition_of
from shared.streaming.redis.broker import Broker, EmbeddedRedis
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.publisher import RedisPublisher
from tests.desk import SMALL_LOSS, Desk, eventually, trading_desk
from trading_system.cli.application import app

pytestmark = pytest.mark.broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker") as server:
        yield server


def halts_in(audit: Path) -> list[dict[str, Any]]:
    return [line for line in read_audit(audit) if line["kind"] == "haltchanged"]


def command(desk: Desk, kind: CommandKind, reason: str) -> None:
    """Publish an operator's word as of the newest snapshot."""
    newest = desk.events(Topic.CHAIN)[-1].header
    header = Header.root(book="nifty", ts=newest.ts, seq=newest.seq, producer="cli", suffix=kind.value)
    with RedisPublisher(desk.url, producer="cli") as publisher:
        publisher.publish([Command(header=header, kind=kind, operator="asha", reason=reason)])


def test_every_word_of_risk_about_the_halt_is_audited_once_restart_included(broker: EmbeddedRedis, tmp_path: Path):
    audit = tmp_path / "audit"
    with trading_desk(broker.url, {**SMALL_LOSS, "THETAFLOW_EXECUTOR_DIRECTORY": str(audit)}) as desk:
        desk.lose()
        latched = desk.halt(lambda halt: halt.state is HaltState.HALTED)
        eventually(lambda: len(halts_in(audit)) == 2, "the latch in the audit log")
        desk.fleet.kill("executor")
        command(desk, CommandKind.RESUME, "the loss is understood")
        resumed = desk.halt(lambda halt: halt.state is HaltState.ACTIVE and halt.command is CommandKind.RESUME)
        desk.fleet.start("executor")
        eventually(lambda: len(halts_in(audit)) == 3, "the RESUME in the audit log")
    assert verify(audit).ok
    first, fell, lifted = halts_in(audit)
    assert (first["state"], first["latches"], first["command"]) == ("active", [], None)
    (latch,) = latched.latches
    assert fell["event_id"] == latched.header.id
    assert (fell["state"], fell["since"]) == ("halted", stamp_of(latched.since))
    assert fell["latches"] == [{"code": "daily_loss", "why": latch.text, "since": stamp_of(latch.since)}]
    assert fell["input"]["hash"], "the snapshot behind it"
    assert (lifted["state"], lifted["since"]) == ("active", stamp_of(resumed.since))
    assert (lifted["command"], lifted["operator"], lifted["why"]) == ("resume", "asha", "the loss is understood")
    assert lifted["latches"] == []


def inspect(url: str, *options: str) -> str:
    answer = CliRunner().invoke(app, ["inspect", "--broker", url, *options])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_inspect_shows_latch_and_command_with_who_why_and_since(broker: EmbeddedRedis):
    assert "risk has said of no book yet what it may do" in inspect(broker.url)
    assert json.loads(inspect(broker.url, "--json"))["halts"] == []
    with trading_desk(broker.url, SMALL_LOSS) as desk:
        desk.lose()
        latched = desk.halt(lambda halt: halt.state is HaltState.HALTED)
        command(desk, CommandKind.REDUCE, "look [at] it")
        both = desk.halt(lambda halt: halt.command is CommandKind.REDUCE)
    (latch,) = latched.latches
    assert (
        f"nifty: halted since 2025-08-29 10:04:00 by daily_loss: {latch.text} (2025-08-29 10:04:00); "
        "reduce by asha: look [at] it\n"
    ) in inspect(broker.url)
    found = json.loads(inspect(broker.url, "--json"))
    assert found["unreadable_halts"] == 0
    assert found["halts"] == [json.loads(msgspec.json.encode(both))]


def test_an_entry_of_halts_that_is_not_readable_is_told_of_and_hides_nothing(broker: EmbeddedRedis):
    with trading_desk(broker.url) as desk:
        desk.snapshot()
        desk.halt(lambda halt: halt.state is HaltState.ACTIVE)
    connection = Broker(broker.url)
    place = partition_of("nifty", DEFAULT_PARTITIONS)
    connection.shared(place).call("XADD", stream_key(place, Topic.HALTS), "*", "type", "HaltChanged", "v", "99")
    connection.close()
    shown = inspect(broker.url)
    assert "nifty: active since 2025-08-29 10:01:00\n" in shown
    assert "1 entries are not readable" in shown
    assert json.loads(inspect(broker.url, "--json"))["unreadable_halts"] == 1
