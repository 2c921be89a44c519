"""Alerts reach a person: every critical code within seconds, each id once, whatever is away in between."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pydantic import SecretStr

from services.alerts.channels import open_channels
from services.alerts.desk import AlertDesk
from services.alerts.feed_watch import FeedWatch
from services.alerts.heartbeat import Heartbeats
from services.alerts.mailbox import Mailbox
from services.alerts.observer import Observer
from services.alerts.queue import FILE, AlertQueue, read_records
from services.alerts.records import Delivered, TakenIn
from services.alerts.routing import rules_of
from services.alerts.service_watch import ServiceWatch
from services.alerts.settings import AlertSettings
from services.alerts.sources import AlertTopic, Spools
from services.alerts.standing import Standing
from services.executor.opening import OpenedSidecar
from services.executor.settings import ExecutorSettings
from services.executor.venues.registry import choose_venue
from shared.clock import NS_PER_SECOND, ManualClock, SystemClock
from shared.events import Alert, ChainSnapshot, ClockTick, DenialCode, Header, Severity
from shared.events.topology import Topic, partition_of
from shared.market.calendar import TradingCalendar
from shared.observability.alert_spool import AlertSpool, read_spool
from shared.observability.logging import configure_logging
from shared.settings import BrokerSettings, LogSettings
from shared.streaming.connect import connect
from shared.streaming.protocol.beats import Beat
from shared.streaming.protocol.codec import encode
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.keys import stream_key
from tests.builders import chain_header, snapshot
from tests.fakes.full_disk import full_disk
from tests.fakes.webhook import FakeWebhook

pytestmark = pytest.mark.broker

PARTITIONS = 2
PATIENCE_S = 20.0
WITHIN_S = 5.0
CODES = (
    "kill_file", "disk", "broker_lost", "audit_not_written", "venue_entry_given_up", "venue_exit_not_stored",
    "venue_breaker_open", "recovery_difference", "recovery_unknown_write", "ledger_difference", "exit_unfilled",
    "exit_unconfirmed", "quote_age", "settlement_pending", "venue_lots_differ", "carried", "dead_letter",
    "stream_over_cap", "model_refused", "flatten", "halt", *(code.value for code in DenialCode),
)  # fmt: skip
"""What executor, risk, predictor and engine call critical; risk's latches go by the codes of denials."""


def alert(code: str, now: int, number: int = 0, severity: Severity = Severity.CRITICAL) -> Alert:
    header = Header.root(book="nifty", ts=now, seq=0, producer="executor", suffix=f"{code}-{number}")
    return Alert(header=header, severity=severity, code=code, text=f"{code} happened, number {number}")


def ids_in(bodies: list[dict[str, Any]]) -> list[str]:
    return [found for body in bodies for found in re.findall(r"^id (\S+)$", body["message"], re.MULTILINE)]


def arrived(fake: FakeWebhook, one: Alert) -> bool:
    return one.header.id in ids_in(fake.bodies)


class Installation:
    """The alert service's parts on a real broker and a real receiver, under a clock that moves when told to."""

    def __init__(
        self, folder: Path, url: str, fake: FakeWebhook, clock: ManualClock, expect: tuple[str, ...] = ()
    ) -> None:
        self.settings = AlertSettings(
            critical_to=SecretStr(fake.url.replace("http://", "json://")),
            directory=folder / "alerts",
            spools=(folder / "executor" / "alerts.spool",),
            timeout_s=2.0,
            least_free_mib=0,
        )
        self.clock = clock
        self.queue = AlertQueue(self.settings.directory)
        self.mailbox = Mailbox(rules_of(self.settings))
        self.mailbox.fold(self.queue.records)
        self.client = connect(url, PARTITIONS, io_timeout_s=1.0)
        self.publisher = self.client.publisher("alerts", patience_s=0.2)
        self.pool = ThreadPoolExecutor(1)
        history = self.client.history()
        calendar = TradingCalendar.load()
        services = ServiceWatch(self.client.beats(), 45.0, expect, lambda: clock.now_ns() / NS_PER_SECOND)
        feed = FeedWatch(history, ("nifty",), PARTITIONS, calendar, clock)
        standing = Standing(history, ("nifty",), clock, self.mailbox, services, feed)
        self.desk = AlertDesk(
            mailbox=self.mailbox,
            queue=self.queue,
            channels=open_channels(self.settings),
            topic=AlertTopic(history, PARTITIONS, clock.now_ns()),
            spools=Spools(self.settings.spools, clock),
            observer=Observer(self.settings, "nifty", ()),
            services=services,
            feed=feed,
            heartbeats=Heartbeats(self.settings.heartbeat_at, "nifty", "9999", 0, standing.words),
            publisher=self.publisher,
            reset=self.client.reset,
            clock=clock,
            pool=self.pool,
        )

    def until(self, holds: Callable[[], bool], what: str, *, step_s: float = 0.0) -> None:
        """Go round until something holds; the clock moves by `step_s` each time nothing is on its way."""
        deadline, never = monotonic() + PATIENCE_S, threading.Event()
        while not holds():
            assert monotonic() < deadline, f"expected {what}, got {self.mailbox.addresses}"
            self.desk.turn()
            if self.desk.flying:
                never.wait(0.005)
            else:
                self.clock.advance(round(step_s * NS_PER_SECOND))

    def close(self) -> None:
        self.pool.shutdown(wait=True)
        self.queue.close()
        self.publisher.close()
        self.client.close()


@contextmanager
def installed(
    folder: Path, url: str, fake: FakeWebhook, clock: ManualClock, expect: tuple[str, ...] = ()
) -> Iterator[Installation]:
    one = Installation(folder, url, fake, clock, expect)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(autouse=True)
def logged() -> io.StringIO:
    """Keep log lines in memory: where pytest keeps them is a file, too, which a full disk refuses."""
    lines = io.StringIO()
    configure_logging(LogSettings(), "alerts", stream=lines)
    return lines


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now_ns())


def publish(url: str, *alerts: Alert) -> None:
    with connect(url, PARTITIONS) as client, client.publisher("executor-side") as publisher:
        publisher.publish(alerts)


def test_with_the_receiver_down_for_an_hour_everything_comes_after_it_once(tmp_path: Path, clock: ManualClock):
    with EmbeddedRedis(tmp_path / "broker") as broker, FakeWebhook() as fake:
        sent = [alert(code, clock.now_ns(), number) for number, code in enumerate(CODES)]
        publish(broker.url, *sent)
        fake.script.extend([503] * 1_000)
        with installed(tmp_path, broker.url, fake, clock) as one:
            begun = clock.now_ns()
            one.until(lambda: clock.now_ns() - begun > 3_600 * NS_PER_SECOND, "an hour", step_s=5.0)
            tries = len(fake.bodies)
            assert 30 < tries < 200
            assert one.mailbox.waiting == len(CODES)
        # Killed in between: another process goes on with what is on disk.
        fake.script.clear()
        fake.bodies.clear()
        with installed(tmp_path, broker.url, fake, clock) as one:
            one.until(lambda: one.mailbox.waiting == 0, "all told", step_s=1.0)
            publish(broker.url, *sent)
            one.until(lambda: clock.now_ns() - begun > 3_700 * NS_PER_SECOND, "some more turns", step_s=10.0)
    assert Counter(ids_in(fake.bodies)) == Counter(one.header.id for one in sent)


def test_with_the_broker_away_the_spool_is_read_and_the_loss_is_told(tmp_path: Path, clock: ManualClock):
    with (
        EmbeddedRedis(tmp_path / "broker") as broker,
        FakeWebhook() as fake,
        installed(tmp_path, broker.url, fake, clock) as one,
        AlertSpool(one.settings.spools[0]) as spool,
    ):
        one.until(lambda: one.desk.broker_ok, "the broker")
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            late = alert("venue_exit_not_stored", clock.now_ns())
            spool.write(late)
            begun = monotonic()
            one.until(lambda: late.header.id in ids_in(fake.bodies), "the spooled alert", step_s=0.5)
            assert monotonic() - begun < WITHIN_S
            one.until(lambda: any("broker_lost" in body["message"] for body in fake.bodies), "the loss", step_s=1.0)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        publish(broker.url, late)  # the executor publishes it, too, when the broker is back
        one.until(lambda: one.desk.broker_ok, "the broker again", step_s=1.0)
        one.until(lambda: one.mailbox.waiting == 0, "all told", step_s=1.0)
        codes = [event.code for event in _alerts(broker.url)]
    assert Counter(ids_in(fake.bodies))[late.header.id] == 1
    assert "broker_lost" in codes  # the page shows what was told


def test_with_the_disk_full_alerts_go_out_and_are_on_disk_when_there_is_room(tmp_path: Path, clock: ManualClock):
    with EmbeddedRedis(tmp_path / "broker") as broker, FakeWebhook() as fake:
        with installed(tmp_path, broker.url, fake, clock) as one:
            one.until(lambda: one.desk.broker_ok, "the broker")
            full = alert("disk", clock.now_ns())
            with full_disk(1):
                publish(broker.url, full)
                one.until(lambda: full.header.id in ids_in(fake.bodies), "the alert", step_s=1.0)
                one.until(lambda: "alerts_not_on_disk" in str(fake.bodies), "word of the full disk", step_s=1.0)
                assert (one.settings.directory / FILE).read_bytes() == b""
            one.until(lambda: not one.queue.trouble, "room", step_s=1.0)
        with installed(tmp_path, broker.url, fake, clock) as one:
            assert full.header.id in one.mailbox.notices
            one.until(lambda: one.desk.broker_ok, "the broker", step_s=1.0)
            one.until(lambda: one.mailbox.waiting == 0, "nothing waiting", step_s=1.0)
    assert Counter(ids_in(fake.bodies))[full.header.id] == 1


def test_a_feed_that_ticks_without_data_in_session_is_silent_and_a_closed_market_is_not(tmp_path: Path):
    session = TradingCalendar.load().session(date(2026, 8, 4))
    assert session is not None
    clock = ManualClock(session.open_ns + NS_PER_SECOND)
    with EmbeddedRedis(tmp_path) as broker, connect(broker.url, PARTITIONS) as client:
        feed = FeedWatch(client.history(), ("nifty",), PARTITIONS, TradingCalendar.load(), clock)
        key = stream_key(partition_of("nifty", PARTITIONS), Topic.CHAIN)

        def put(event: ChainSnapshot | ClockTick) -> None:
            # Under the entry id of its own moment, as a running market's entries have it.
            entry_id = f"{event.header.ts // 1_000_000}-*"
            Broker(broker.url).connect(0).call("XADD", key, entry_id, *encode(event))

        def silent_after(seconds: float) -> dict[str, str]:
            clock.advance(round(seconds * NS_PER_SECOND))
            feed.look()
            return feed.silent()

        assert silent_after(60) == {}
        assert "no market data yet" in silent_after(150)["nifty"]
        last = clock.now_ns()
        put(snapshot(1, last))
        assert silent_after(20) == {}
        for number in range(4):
            header = chain_header(2 + number, clock.now_ns())
            put(ClockTick(header=header, last_snapshot_ts=last))
            found = silent_after(60)
        assert "feed SILENT" in found["nifty"]
        clock.move_to(session.close_ns + NS_PER_SECOND)
        assert silent_after(60) == {}


def test_the_daily_heartbeat_says_how_things_stand(tmp_path: Path, clock: ManualClock):
    with EmbeddedRedis(tmp_path / "broker") as broker, connect(broker.url, PARTITIONS) as client:
        mailbox = Mailbox(rules_of(AlertSettings()))
        services = ServiceWatch(client.beats(), 45.0, ())
        feed = FeedWatch(client.history(), ("nifty",), PARTITIONS, TradingCalendar.load(), clock)
        feed.look()
        standing = Standing(client.history(), ("nifty",), clock, mailbox, services, feed)
        beats = Heartbeats(AlertSettings().heartbeat_at, "nifty", "", 0, standing.words)
        day = 86_400 * NS_PER_SECOND
        told = []
        for _ in range(3 * 96):
            clock.advance(day // 96)
            beat = beats.due(clock.now_ns(), broker_ok=True)
            told += [] if beat is None else [beat]
    assert 3 <= len(told) <= 4
    assert len({beat.header.id for beat in told}) == len(told)
    assert "no position known" in told[-1].text
    assert "0 wait to be told" in told[-1].text


def test_a_service_that_falls_silent_is_told_of_once_and_when_it_is_back(tmp_path: Path, clock: ManualClock):
    with (
        EmbeddedRedis(tmp_path / "broker") as broker,
        FakeWebhook() as fake,
        connect(broker.url, PARTITIONS) as client,
        installed(tmp_path, broker.url, fake, clock, expect=("risk", "trainer")) as one,
    ):
        beats, number = client.beats(), 0

        def beat(*, well: bool = True) -> None:
            nonlocal number
            number += 1
            reason = "" if well else "engine: last turn 31.0 s ago"
            beats.write(
                Beat(service="risk", replica="a-1", pid=1, number=number, written_ns=1, well=well, reason=reason)
            )

        def told() -> list[str]:
            lines = (line for body in fake.bodies for line in body["message"].splitlines())
            return [line for line in lines if line.startswith("service_silent")]

        beat()
        one.until(lambda: len(told()) == 2, "two silent services", step_s=1.0)
        one.until(lambda: one.mailbox.waiting == 0, "all told", step_s=1.0)
        beat()
        one.until(lambda: len(one.mailbox.notices) == 3, "risk is back", step_s=1.0)
        beat(well=False)
        one.until(lambda: len(told()) == 3, "a loop that hangs", step_s=1.0)
    assert sorted(re.sub(r"\d+", "n", line) for line in told()) == [
        "service_silent_risk: risk: it hangs: engine: last turn n.n s ago",
        "service_silent_risk: risk: no heartbeat for n s",
        "service_silent_trainer: trainer: no heartbeat for n s",
    ]


@contextmanager
def alert_process(folder: Path, url: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ = clean | {
        "THETAFLOW_BROKER_URL": url,
        "THETAFLOW_BROKER_PARTITIONS": str(PARTITIONS),
        "THETAFLOW_ALERTS_CRITICAL_TO": address,
        "THETAFLOW_ALERTS_HEARTBEAT_AT": "23:59:59",
        "THETAFLOW_ALERTS_DIRECTORY": str(folder / "alerts"),
        "THETAFLOW_ALERTS_SPOOLS": str(folder / "spool"),
    }

    with (folder / "alerts.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.alerts"],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def eventually(holds: Callable[[], bool], what: Callable[[], str]) -> float:
    begun, never = monotonic(), threading.Event()
    while not holds():
        assert monotonic() - begun < PATIENCE_S, what()
        never.wait(0.01)
    return monotonic() - begun


def test_each_critical_code_reaches_the_receiver_within_seconds_and_a_kill_loses_and_doubles_nothing(tmp_path: Path):
    now = SystemClock().now_ns()
    with EmbeddedRedis(tmp_path / "broker") as broker, FakeWebhook() as fake:
        address = fake.url.replace("http://", "json://") + "/t0ken-that-nobody-may-see"

        def log() -> str:
            return (tmp_path / "alerts.log").read_text() + json.dumps(fake.bodies)[-2_000:]

        first = alert("hello", now)
        publish(broker.url, first)
        with alert_process(tmp_path, broker.url, address) as process:
            eventually(lambda: first.header.id in ids_in(fake.bodies), log)
            sent = [alert(code, now, number) for number, code in enumerate(CODES)]
            slowest = 0.0
            for one in sent[:5]:
                publish(broker.url, one)
                slowest = max(slowest, eventually(partial(arrived, fake, one), log))
            publish(broker.url, *sent[5:])
            slowest = max(slowest, eventually(lambda: len(ids_in(fake.bodies)) == len(sent) + 1, log))
            assert slowest < WITHIN_S
            eventually(lambda: all_noted(tmp_path / "alerts" / FILE), log)
            process.kill()
            process.wait()
        later = [alert("while_dead", now, number) for number in range(5)]
        publish(broker.url, *later)
        with alert_process(tmp_path, broker.url, address):
            eventually(lambda: len(ids_in(fake.bodies)) == len(sent) + 6, log)
    wanted = Counter(one.header.id for one in (first, *sent, *later))
    assert Counter(ids_in(fake.bodies)) == wanted
    assert "t0ken" not in (tmp_path / "alerts.log").read_text()
    assert "t0ken" not in (tmp_path / "alerts" / FILE).read_text()


def test_the_executor_leaves_word_of_a_lost_broker_where_no_broker_is_needed(tmp_path: Path):
    settings = ExecutorSettings(directory=tmp_path / "executor")
    assert settings.spool_path is not None
    with EmbeddedRedis(tmp_path / "broker") as broker:
        address = BrokerSettings(url=broker.url, partitions=PARTITIONS)
        opened = OpenedSidecar(
            settings, choose_venue(settings), address, ("nifty",), SystemClock(), TradingCalendar.load()
        )
        with opened as sidecar:
            sidecar.turn()
            # This broker keeps nothing on disk, and is told of for that alone.
            before = [one.code for one in read_spool(settings.spool_path)]
            assert before == ["broker_unsafe"]
            broker.kill()
            deadline = monotonic() + PATIENCE_S
            while [one.code for one in read_spool(settings.spool_path)] != [*before, "broker_lost"]:
                assert monotonic() < deadline
                sidecar.turn()


def all_noted(queue: Path) -> bool:
    """Tell whether the queue on disk says that everybody has everything: what a kill can only repeat is one message."""
    records = read_records(queue.read_bytes())
    taken = {one.notice.id for one in records if isinstance(one, TakenIn)}
    return taken == {each for one in records if isinstance(one, Delivered) for each in one.ids}


def _alerts(url: str) -> list[Alert]:
    with connect(url, PARTITIONS) as client:
        topic = AlertTopic(client.history(), PARTITIONS, SystemClock().now_ns())
        return [found.alert for found in topic.new({}) if found.alert is not None]
