"""The kill file is obeyed: flat within two snapshots with the broker up, exits sent and nothing opened with it down."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, monotonic_ns, sleep
from typing import Any

import msgspec
import pytest
import redis

from services.executor.audit.log import read_audit, verify
from services.executor.venues.arming import ARMING, Arming, arm
from services.executor.venues.write import WRITE, Write, WriteState
from shared.clock import SystemClock, ist_date
from shared.events import (
    Alert,
    BookState,
    Command,
    CommandKind,
    Event,
    Fill,
    FillStatus,
    VenueMode,
    VenueState,
    VenueTarget,
    sold,
)
from shared.events.topology import Topic
from shared.market.calendar import TradingCalendar
from shared.market.chain import Parsed, ParsedChain
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import at, chain_header, contract, entry_order, snapshot
from tests.chaos.execution_worker import TOKEN, MarketClock, Spec, run_executor
from tests.fakes import tradetron as fake
from tests.fakes.tradetron import FakeTradetron
from trading_system.simulation.replay import SimulationRequest, simulate_items
from trading_system.wiring import Installation

PATIENCE_S = 20.0
QUOTES = {24300.0 + 50.0 * n: (100.0 + n, 100.5 + n) for n in range(9)}


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < deadline, f"expected {what} within {PATIENCE_S:g} s"
        sleep(0.02)


@pytest.fixture
def venue() -> Iterator[FakeTradetron]:
    with FakeTradetron(TOKEN) as running:
        yield running


class Market:
    """One executor process on a broker, fed snapshot by snapshot."""

    def __init__(self, url: str, venue: FakeTradetron, directory: Path) -> None:
        origin = monotonic_ns()
        self.clock = MarketClock(at(10, 0), origin)
        spec = Spec(url, str(directory), venue.url, at(10, 0), origin)
        arm(directory, Arming(book="nifty", day="2025-08-29", operator="test", venue="tradetron", answer=fake.STORED))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.chaos.execution_worker"])
        self.process = context.Process(target=run_executor, args=(spec,), daemon=True)
        self.process.start()
        self.publisher = RedisPublisher(url, producer="test", partitions=1)
        self.url = url
        self.seq = self.ts = 0

    def snapshot(self) -> BookState:
        self.seq += 1
        self.ts = self.clock.now_ns()
        self.publisher.publish([snapshot(self.seq, self.ts, puts={24500.0: (100.0, 100.5)})])
        eventually(lambda: self.book().header.seq == self.seq if self.events(Topic.BOOK) else False, "a book")
        return self.book()

    def order(self, strike: float = 24500.0) -> None:
        self.publisher.publish([entry_order(self.seq, self.ts, strike=strike, signal_id=f"s{self.seq}")])

    def command(self, kind: CommandKind, number: int = 0) -> None:
        header = msgspec.structs.replace(chain_header(self.seq, self.ts), id=f"{kind.value}-{number}")
        self.publisher.publish([Command(header=header, kind=kind, operator="test", reason="told to")])

    def venue_state(self) -> VenueState:
        return [event for event in self.events(Topic.VENUE) if isinstance(event, VenueState)][-1]

    def commands(self) -> list[CommandKind]:
        return [event.kind for event in self.events(Topic.CONTROL) if isinstance(event, Command)]

    def events(self, topic: Topic) -> list[Event]:
        return list(read_stream(self.url, topic, 1))

    def book(self) -> BookState:
        found = self.events(Topic.BOOK)[-1]
        assert isinstance(found, BookState)
        return found


@contextmanager
def market(folder: Path, venue: FakeTradetron) -> Iterator[Market]:
    with EmbeddedRedis(folder / "broker") as broker:
        made = Market(broker.url, venue, folder / "executor")
        try:
            yield made
        finally:
            made.process.terminate()
            made.process.join(10.0)
            made.publisher.close()


@pytest.mark.broker
def test_with_the_broker_up_the_book_is_flat_within_two_snapshots(tmp_path: Path, venue: FakeTradetron):
    with market(tmp_path, venue) as street:
        street.snapshot()
        street.order()
        assert len(street.snapshot().positions) == 1
        eventually(lambda: venue.value("gap") == "1", "the entry stored")
        eventually(lambda: [each.value for each in street.venue_state().held] == [1], "word of what the venue holds")
        told = street.venue_state()
        assert (told.mode, told.armed, told.held[0].unconfirmed) == (VenueMode.LIVE, True, None)
        (tmp_path / "executor" / "kill").write_text("the desk is on fire")
        eventually(lambda: any(isinstance(e, Command) for e in street.events(Topic.CONTROL)), "a FLATTEN")
        eventually(lambda: venue.value("gap") == "0", "the exit stored")
        eventually(lambda: street.venue_state().killed, "word of the kill file")
        first = street.snapshot()
        book = first if not first.positions else street.snapshot()
        assert book.positions == ()
        assert book.halted
        street.order(24500.0)
        street.snapshot()
        fills = [event for event in street.events(Topic.FILLS) if isinstance(event, Fill)]
        assert fills[-1].status is FillStatus.REJECTED
        assert "the desk is on fire" in fills[-1].text
        assert len([call for call in venue.calls if call.values["gap"] == "1"]) == 1
        codes = {event.code for event in street.events(Topic.ALERTS) if isinstance(event, Alert)}
        assert "kill_file" in codes
        street.command(CommandKind.RESUME)
        eventually(
            lambda: street.commands().count(CommandKind.FLATTEN) > 1, "a second FLATTEN: the file is still there"
        )
        assert street.snapshot().halted
        assert_token_nowhere(street.url, tmp_path)
    report = verify(tmp_path / "executor")
    assert report.ok
    kinds = {line["kind"] for line in read_audit(tmp_path / "executor")}
    assert {"order", "fill", "trade", "command", "intent", "venue_request", "venue_answer", "kill_switch"} <= kinds
    (order,) = [line for line in read_audit(tmp_path / "executor") if line["kind"] == "order"][:1]
    assert order["input"]["hash"]
    assert order["signal_id"]


def assert_token_nowhere(url: str, folder: Path) -> None:
    client: Any = redis.Redis.from_url(url)  # its stubs know no raw replies
    for key in client.scan_iter():
        kind = client.type(key)
        content = {b"stream": client.xrange, b"hash": client.hgetall, b"string": client.get}.get(kind)
        assert content is None or TOKEN not in repr(content(key))
    client.close()
    for path in folder.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


def executor_process(
    folder: Path, venue: FakeTradetron, *, file_limit: bool = False, **more: str
) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    section = "THETAFLOW_EXECUTOR_"
    (folder / "token").write_text(TOKEN)
    environ |= {
        f"{section}DIRECTORY": str(folder / "executor"),
        f"{section}TRADETRON_MODE": "live",
        f"{section}TRADETRON_TOKEN_FILE": str(folder / "token"),
        f"{section}TRADETRON_URL": venue.url,
        f"{section}TRADETRON_SOURCES": "test",
        f"{section}TRADETRON_SETTLE_S": "5",
        "THETAFLOW_BROKER_URL": "redis://127.0.0.1:1/0",
        "THETAFLOW_BROKER_LEASE_MS": "3000",
        "THETAFLOW_LOG_LEVEL": "debug",
        "THETAFLOW_TRACE_FILE": str(folder / "traces.jsonl"),
        **more,
    }
    command = [sys.executable, "-m", "services.executor"]
    return subprocess.Popen(
        # With the limit no file may grow past its first byte: a full disk for whoever may not mount one.
        ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command] if file_limit else command,
        env=environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def live_day() -> str:
    now, calendar = SystemClock().now_ns(), TradingCalendar.load()
    today = ist_date(now)
    session = calendar.session(today)
    over = session is None or now >= session.close_ns
    return (calendar.next_trading_day(today) if over else today).isoformat()


def leave_an_open_entry(directory: Path, answer: str = "") -> None:
    """Write the journal of a process that held +1 when it died."""
    target = VenueTarget(variable=1, direction=1, order_id="o", signal_id="s", legs=sold(contract()))
    write = Write(
        book="nifty",
        variable=1,
        fence=41,
        value=1,
        why="test",
        target=target,
        state=WriteState.CONFIRMED,
        sent_ns=SystemClock().now_ns(),
        answer=answer,
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "outbox-nifty.jsonl").write_bytes(WRITE.encode(write) + b"\n")


def test_with_the_broker_down_the_process_itself_takes_everything_back(tmp_path: Path, venue: FakeTradetron):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    arm(directory, Arming(book="nifty", day=live_day(), operator="test", venue="tradetron", answer=fake.STORED))
    process = executor_process(tmp_path, venue)
    try:
        sleep_while(process, 1.0)
        assert venue.calls == [], "without a live word or the kill file nothing leaves the house"
        (directory / "kill").write_text("no broker")
        eventually(lambda: venue.value("gap") == "0", "the exit stored")
        assert [call.values["gap"] for call in venue.calls] == ["0"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            out, err = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    (tmp_path / "token").unlink()
    assert TOKEN not in out + err
    assert "kill_file" in err, err[-3000:] + out[-1000:]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def sleep_while(process: subprocess.Popen[str], seconds: float) -> None:
    """Give a process that should do nothing the time to do something."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)


def audit_text(directory: Path) -> str:
    return "".join(str(line) for line in read_audit(directory))


OTHER_DAY = ARMING.encode(Arming(book="nifty", day="2025-08-29", operator="test"))


@pytest.mark.parametrize("armed", [None, b"", b'{"book": ', b"\x00\xff", OTHER_DAY])
def test_unarmed_means_exits_only_at_the_start_too(tmp_path: Path, venue: FakeTradetron, armed: bytes | None):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    if armed is not None:
        (directory / "armed.json").write_bytes(armed)
    process = executor_process(tmp_path, venue)
    try:
        sleep_while(process, 1.0)
        assert venue.calls == []
        (directory / "kill").write_text("not armed")
        eventually(lambda: venue.value("gap") == "0", "the exit stored")
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "not_armed" in err
    assert TOKEN not in err


def test_a_0_that_was_not_stored_goes_out_again_after_a_restart_without_broker_and_arming(
    tmp_path: Path, venue: FakeTradetron
):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    journal = directory / "outbox-nifty.jsonl"
    held = WRITE.decode(journal.read_bytes().rstrip())
    zero = msgspec.structs.replace(held, value=0, target=None, fence=42, state=WriteState.FAILED, attempts=3)
    journal.write_bytes(journal.read_bytes() + WRITE.encode(zero) + b"\n")
    process = executor_process(tmp_path, venue)
    try:
        eventually(lambda: venue.value("gap") == "0", "the exit stored")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def test_without_its_token_the_executor_watches_and_the_exit_waits_for_it(tmp_path: Path, venue: FakeTradetron):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    (directory / "kill").write_text("no token")
    process = executor_process(tmp_path, venue, THETAFLOW_EXECUTOR_TRADETRON_TOKEN_FILE=str(tmp_path / "later"))
    try:
        eventually(lambda: "not sent" in audit_text(directory), "an attempt without a token")
        assert venue.calls == []
        (tmp_path / "later").write_text(TOKEN)
        eventually(lambda: venue.value("gap") == "0", "the exit stored")
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "venue_secret_missing" in err
    assert "venue_exit_not_stored" in err
    assert TOKEN not in err


@pytest.mark.broker
@pytest.mark.parametrize("generic", ["VENUE", "TRADETRON"])
def test_a_replay_over_redis_reaches_no_venue_and_no_live_file_whatever_the_settings(
    tmp_path: Path, venue: FakeTradetron, generic: str
):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    arm(directory, Arming(book="nifty", day=live_day(), operator="test", venue="tradetron", answer=fake.STORED))
    (directory / "kill").write_text("this is for the live book")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    section = "THETAFLOW_EXECUTOR_"
    live = {
        f"{section}DIRECTORY": str(directory),
        f"{section}{generic}_MODE": "live",
        f"{section}TRADETRON_TOKEN": TOKEN,
        f"{section}TRADETRON_URL": venue.url,
        f"{section}{generic}_SOURCES": "synthetic,test,v3",
    }
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    request = SimulationRequest(source="three minutes", engine="redis", environ={**environ, **live})
    simulate_items(Minutes(), request, installation=Installation.load({}))
    assert venue.calls == []
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


class Minutes:
    """Three minutes of a synthetic chain."""

    len_hint = 3

    def __iter__(self) -> Iterator[Parsed]:
        for number in range(3):
            made = snapshot(number, at(10, number), puts=QUOTES, calls=QUOTES)
            yield ParsedChain(
                underlying="NIFTY",
                stamp_ns=made.header.ts,
                received_ns=None,
                spot=24500.0,
                vix=None,
                expiries=made.expiries,
                source="synthetic",
            )
