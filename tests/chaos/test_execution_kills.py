"""Executor and risk are killed around Tradetron calls over and over; what is stored there ends at what the book wants.

`THETAFLOW_TEST_EXECUTION_KILLS`, or `make chaos N=`, says how often; the long form is 1000.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from time import monotonic, monotonic_ns, sleep

import msgspec
import pytest

from services.executor.audit.log import read_audit, verify
from services.executor.venues.arming import Arming, arm
from services.executor.venues.outbox import Outbox
from services.executor.venues.write import WRITE
from shared.events import Alert, BookState, Command, CommandKind, Event, Fill, Intent, OrderAction, Trade
from shared.events.topology import Topic
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import CALL, PUT, at, candidate, chain_header, market_view, signal, snapshot
from tests.chaos.execution_worker import (
    ENGINE_POINTS,
    LATE_S,
    OWN_END,
    POINTS,
    TOKEN,
    MarketClock,
    Spec,
    run_executor,
    run_risk,
)
from tests.fakes import tradetron as fake
from tests.fakes.tradetron import FakeTradetron

KILLS = int(os.environ.get("THETAFLOW_TEST_EXECUTION_KILLS") or os.environ.get("THETAFLOW_TEST_CHAOS_N") or "12")
SEED = int(os.environ.get("THETAFLOW_TEST_CHAOS_SEED", "7"))
CHECK_EVERY = 25
STEP_S = 0.04
PATIENCE_S = 30.0
STRIKES = (24400.0, 24600.0)


class Street:
    """A market, two processes that die, a venue that misbehaves, and what must hold in the end."""

    def __init__(self, url: str, venue: FakeTradetron, directory: Path, rng: Random) -> None:
        self.rng = rng
        self.venue = venue
        self.url = url
        self.directory = directory
        origin = monotonic_ns()
        self.clock = MarketClock(at(10, 0), origin)
        self.spec = Spec(url, str(directory), venue.url, at(10, 0), origin)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.chaos.execution_worker"])
        self.workers: dict[str, BaseProcess] = {}
        self.kills: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self.seen = 0
        self.planned: dict[str, Spec] = {}
        self.ingest = RedisPublisher(url, producer="ingest", partitions=1)
        self.predictor = RedisPublisher(url, producer="predictor", partitions=1)
        self.seq = 0
        self.premium = dict.fromkeys((PUT, CALL), 70.0)
        self.kill_at = 0.0
        arm(directory, Arming(book="nifty", day="2025-08-29", operator="test", venue="tradetron", answer=fake.STORED))
        venue.pick = self.mood
        self.calm = False
        self.direction = 1

    def mood(self) -> str:
        return fake.OK if self.calm or self.rng.random() < 0.5 else self.rng.choice(fake.MOODS)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.join()
        self.ingest.close()
        self.predictor.close()

    # --- processes ----------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Start what is dead; kill what is due."""
        for name, target in (("executor", run_executor), ("risk", run_risk)):
            worker = self.workers.get(name)
            if worker is not None and worker.is_alive():
                continue
            if worker is not None:
                worker.join()
                assert worker.exitcode in {OWN_END, -9}, f"{name} ended by itself with {worker.exitcode}"
                self.kills[name] += 1
                self.points[self.planned[name].point if worker.exitcode == OWN_END else "from outside"] += 1
            self.planned[name] = self.plan(name)
            self.workers[name] = self.context.Process(target=target, args=(self.planned[name],), daemon=True)
            self.workers[name].start()
        calls, self.seen = len(self.venue.calls) - self.seen, len(self.venue.calls)
        if self.calm:
            return
        if calls and self.rng.random() < 0.3:
            # A call was made a moment ago; it may be on its way, stored or answered.
            self.workers["executor"].kill()
        elif monotonic() > self.kill_at:
            self.kill_at = monotonic() + self.rng.uniform(1.0, 8.0)
            self.workers[self.rng.choice(("executor", "risk"))].kill()

    def plan(self, name: str) -> Spec:
        if self.calm:
            return self.spec
        points = POINTS if name == "executor" and self.rng.random() < 0.8 else ENGINE_POINTS
        most = 4 if points is POINTS else 200
        return replace(self.spec, point=self.rng.choice(points), nth=self.rng.randint(1, most))

    # --- market -------------------------------------------------------------------------------------------------

    def step(self) -> None:
        self.tend()
        self.seq += 1
        now = self.clock.now_ns()
        for kind in self.premium:
            moved = self.premium[kind] + self.rng.gauss(0.0, 3.0)
            self.premium[kind] = self.rng.choice((40.0, 70.0, 110.0)) if self.rng.random() < 0.15 else moved
            self.premium[kind] = min(max(round(self.premium[kind] / 0.05) * 0.05, 20.0), 200.0)
        quotes = {kind: (round(premium, 2), round(premium + 0.5, 2)) for kind, premium in self.premium.items()}
        self.ingest.publish(
            [
                snapshot(
                    self.seq,
                    now,
                    puts=dict.fromkeys(STRIKES, quotes[PUT]),
                    calls=dict.fromkeys(STRIKES, quotes[CALL]),
                )
            ]
        )
        market = market_view(
            candidate(STRIKES[0], PUT, *quotes[PUT], -0.35), candidate(STRIKES[1], CALL, *quotes[CALL], 0.35)
        )
        if self.rng.random() < 0.03:
            self.direction = -self.direction
        said = signal(self.seq, now, self.direction, market=market)
        self.predictor.publish([msgspec.structs.replace(said, p_put_pays=0.9, p_call_pays=0.9)])
        sleep(STEP_S)

    def say(self, kind: CommandKind) -> None:
        header = chain_header(self.seq, self.clock.now_ns())
        header = msgspec.structs.replace(header, id=f"{header.id}-{kind.value}")
        self.predictor.publish([Command(header=header, kind=kind, operator="test", reason="the end")])

    # --- what must hold -----------------------------------------------------------------------------------------

    def events(self, topic: Topic) -> list[Event]:
        return list(read_stream(self.url, topic, 1))

    def outbox(self) -> Outbox:
        """The outbox as its journal and the book's newest word tell it."""
        path = self.directory / "outbox-nifty.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        outbox = Outbox("nifty", lambda _: None, settle_ns=0, retry_ns=lambda _: 0)
        outbox.recover(WRITE.decode(line) for line in lines)
        intents = [event for event in self.events(Topic.INTENTS) if isinstance(event, Intent)]
        outbox.want(intents[-1].day, intents[-1].targets, halted=False)
        return outbox

    def rest(self) -> int:
        """Let everything live and settle; the stored value must become the book's word."""
        self.calm = True
        deadline = monotonic() + PATIENCE_S
        while True:
            self.step()
            outbox = self.outbox()
            wanted = outbox.wanted(1)
            if outbox.at_rest and self.venue.value("gap") == str(wanted):
                break
            assert monotonic() < deadline, f"stored {self.venue.value('gap')}, wanted {wanted}, {outbox.held()}"
        for worker in self.workers.values():
            worker.kill()
        for worker in self.workers.values():
            worker.join()
        self.calm = False
        self.kill_at = monotonic() + 1.0
        return wanted

    def check_venue(self) -> None:
        entries = [call.values["sid"] for call in self.venue.calls if call.values["gap"] != "0"]
        assert len(entries) == len(set(entries)), "an entry was sent twice"
        fences = [int(value) for key, value, _ in self.venue.stored if key == "fence"]
        assert fences == sorted(fences), "a stale write was stored after a newer one"


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    venue = FakeTradetron(TOKEN, late_s=LATE_S)
    with EmbeddedRedis(tmp_path / "broker") as broker, venue:
        made = Street(broker.url, venue, tmp_path / "executor", Random(SEED))
        try:
            yield made
        finally:
            made.close()


@pytest.mark.broker
@pytest.mark.timeout(7200)
def test_kills_around_the_calls_leave_what_the_book_wants(street: Street):
    wanted: Counter[int] = Counter()
    checked = 0
    while street.kills.total() < KILLS:
        street.step()
        if street.kills.total() >= checked + CHECK_EVERY:
            checked = street.kills.total()
            wanted[street.rest()] += 1
            street.check_venue()
    street.calm = True
    street.say(CommandKind.FLATTEN)
    for _ in range(10):
        street.step()
    assert street.rest() == 0
    street.check_venue()
    assert street.venue.value("gap") == "0"
    stored = [int(value) for key, value, _ in street.venue.stored if key == "gap"]
    assert sum(value != 0 for value in stored) >= KILLS // 50
    books = [event for event in street.events(Topic.BOOK) if isinstance(event, BookState)]
    assert books[-1].positions == ()
    assert all(len(book.positions) <= 3 for book in books)
    trades = [event for event in street.events(Topic.TRADES) if isinstance(event, Trade)]
    signals = [trade.entry.signal_id for trade in trades]
    assert len(signals) == len(set(signals)), "two positions from one signal"
    fills = [event for event in street.events(Topic.FILLS) if isinstance(event, Fill)]
    assert {fill.order_id for fill in fills if fill.lots and fill.action is OrderAction.ENTER} == {
        trade.entry_order_id for trade in trades
    }
    report = verify(street.directory)
    given_up = Counter(line["why"] for line in read_audit(street.directory) if line["kind"] == "venue_entry_given_up")
    alerts = Counter(event.code for event in street.events(Topic.ALERTS) if isinstance(event, Alert))
    assert report.ok, report.problems[:3]
    print(  # noqa: T201  # the figures are the point of the long form
        f"{dict(street.kills)} kills at {dict(street.points)}, {len(street.venue.calls)} calls, "
        f"{sum(call.values['gap'] != '0' for call in street.venue.calls)} entries sent, "
        f"{sum(value != 0 for value in stored)} stored, {len(trades)} trades, rests at {dict(wanted)}, "
        f"moods {dict(Counter(call.mood for call in street.venue.calls))}, audit of {report.lines} lines holds, "
        f"given up {dict(given_up)}, alerts {dict(alerts)}"
    )
    assert TOKEN not in "".join(path.read_text(errors="replace") for path in street.directory.iterdir())
