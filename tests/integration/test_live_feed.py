"""The live feed brings an hour of market time through a bad day of the exchange's site, a restart and a lost broker."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import redis

from services.ingest.handler import FALLBACK_SUFFIX, IngestHandler
from services.ingest.live.feed import LiveFeed, run_until
from services.ingest.live.memory import LiveMemory
from services.ingest.settings import IngestSettings
from services.ingest.sources.nse.source import NseSource
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ManualClock, from_ns, ist_ns
from shared.events import (
    Alert,
    ChainSnapshot,
    ClockTick,
    Denial,
    DenialCode,
    Event,
    Fill,
    Order,
    OrderAction,
    QualityFlag,
    Signal,
)
from shared.events.topology import Topic, partition_of
from shared.ids import lineage_root
from shared.market.calendar import TradingCalendar
from shared.market.chain import DataVerdict
from shared.market.contracts import ContractTable
from shared.streaming.connect import connect
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from tests.fakes.nse import FakeNse, Fault
from tests.fakes.nse_market import Tape, weekday_holidays
from trading_system.wiring import Installation

DAY = date(2026, 11, 18)
BOOK = "nifty"
CALENDAR = TradingCalendar.load()
CONTRACTS = ContractTable.load()
STALE = {QualityFlag.STALE, QualityFlag.FALLBACK}

BAD_HOUR = {
    3: Fault.SERVER_ERROR,
    5: Fault.EMPTY,
    7: Fault.TRUNCATED,
    9: Fault.HTML,
    11: Fault.BROTLI,
    13: Fault.BAD_GZIP,
    15: Fault.MISDIRECTED,
    17: Fault.SLOW,
    19: Fault.DROPPED,
    21: Fault.UNAUTHORISED,
    23: Fault.STALE,
    25: Fault.CROSSED,
    27: Fault.LATE_EXPIRY,
    28: Fault.NO_RECORDS,
    30: Fault.SERVER_ERROR,
    31: Fault.DROPPED,
    32: Fault.EMPTY,
    33: Fault.SERVER_ERROR,
    34: Fault.SERVER_ERROR,
    43: Fault.BLOCKED,
    52: Fault.GONE,
}


def at(hour: int, minute: int, second: int = 0) -> int:
    return ist_ns(DAY.year, DAY.month, DAY.day, hour, minute, second)


@dataclass
class Noted:
    """A watcher that remembers."""

    polls: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    def went_round(self) -> None:
        self.rounds += 1

    def published(self, event: Event) -> None:
        del event

    def polled(self, outcome: str) -> None:
        self.polls[outcome] += 1


@dataclass
class Bench:
    """A site, a broker and a clock; feeds come and go on them."""

    site: FakeNse
    broker: str
    clock: ManualClock
    settings: IngestSettings
    breaker: list[bool] = field(default_factory=list)
    watcher: Noted = field(default_factory=Noted)

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(int(seconds * NS_PER_SECOND))
        await asyncio.sleep(0)

    def start(self, publisher: RedisPublisher | None = None, seed: int = 5) -> LiveFeed:
        random = Random(seed)
        source = NseSource(
            self.settings,
            clock=self.clock,
            calendar=CALENDAR,
            contracts=CONTRACTS,
            random=random,
            sleep=self.sleep,
            on_breaker=self.breaker.append,
        )
        self.source = source
        self.handler = IngestHandler(BOOK, self.settings, CALENDAR, CONTRACTS)
        return LiveFeed(
            source,
            self.handler,
            publisher or RedisPublisher(self.broker, patience_s=0.2),
            LiveMemory(connect(self.broker), BOOK),
            calendar=CALENDAR,
            clock=self.clock,
            settings=self.settings,
            random=random,
            sleep=self.sleep,
            watcher=self.watcher,
        )

    async def run(self, feed: LiveFeed, until_ns: int) -> None:
        try:
            while self.clock.now_ns() < until_ns:
                await self.sleep(await feed.go_round())
        finally:
            await self.source.close()

    def published(self, topic: Topic = Topic.CHAIN) -> list[Event]:
        return list(read_stream(self.broker, topic))

    def snapshots(self) -> list[ChainSnapshot]:
        return [event for event in self.published() if isinstance(event, ChainSnapshot)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker", appendonly=True) as running:
        yield running


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.synthetic(DAY)


def minutes(faults: dict[int, Fault], start_ns: int) -> dict[int, Fault]:
    return {start_ns + minute * NS_PER_MINUTE: fault for minute, fault in faults.items()}


def bench(broker: EmbeddedRedis, tape: Tape, start_ns: int, **site: Any) -> Bench:
    clock = ManualClock(start_ns)
    fake = FakeNse(tape, clock, holidays=weekday_holidays(CALENDAR, DAY.year), **site)
    return Bench(fake, broker.url, clock, IngestSettings())


def accepting(one: Bench, **changes: Any) -> Bench:
    one.settings = IngestSettings(
        source="nse", accept_nse_terms=True, nse_url=one.site.url, nse_timeout_s=0.3, **changes
    )
    return one


def decide(events: list[Event]) -> list[Event]:
    """Run every decision service on what was published."""
    seen: list[Event] = []
    environ = {"THETAFLOW_PREDICTOR_THRESHOLD": "0.51", **environ_of(**UNGATED, **SHORT_HOLDING)}
    MemoryEngine(Installation.load(environ).services(), observer=seen.append).publish(events)
    return seen


@pytest.mark.broker
def test_an_hour_with_every_fault_on_loses_no_good_minute_and_trades_on_no_bad_one(broker, tape):
    start = at(10, 0)
    one = bench(broker, tape, start + 5 * NS_PER_SECOND, by_minute=minutes(BAD_HOUR, start), cookie_s=1500.0)
    one.site.by_request = {9: Fault.SERVER_ERROR, 14: Fault.UNAUTHORISED, 19: Fault.DROPPED, 25: Fault.MISDIRECTED}
    with one.site:
        asyncio.run(one.run(accepting(one).start(), start + 60 * NS_PER_MINUTE))
    chain_requests = one.site.asked("/api/option-chain-v3")
    asked = {(seen.now_ns - start) // NS_PER_MINUTE for seen in chain_requests}
    good = {minute for minute in asked if BAD_HOUR.get(minute, Fault.LATE_EXPIRY) is Fault.LATE_EXPIRY}
    chain = one.published()
    snapshots = [event for event in chain if isinstance(event, ChainSnapshot)]
    fresh = [snapshot for snapshot in snapshots if not STALE.intersection(snapshot.quality)]

    # Every good minute once, bad ones counted, none of either passed over but while the breaker was open.
    assert sorted(minute_of(snapshot, start) for snapshot in fresh) == sorted(good)
    assert set(range(60)) - asked == {33, 35, 36, 44}
    assert len(good) == 37
    refusals = one.handler.refusals
    assert refusals[DataVerdict.STALE_STAMP] == refusals[DataVerdict.CROSSED_BOOK] == 1
    assert refusals[DataVerdict.EMPTY] == 3
    assert refusals[DataVerdict.BAD_INPUT] == 2  # the torn body, and the expiry that lagged
    assert refusals[DataVerdict.FEED_DOWN] == 13 + one.source.counts["skipped"]
    assert refusals.total() - refusals[DataVerdict.REPEATED_STAMP] == 60 - len(good) + 1

    # The breaker opened by count, stayed open by a failed probe, closed; opened by a word of the guard, closed.
    assert [key for key, _ in groupby(one.breaker)] == [False, True, False, True, False]
    assert one.source.breaker.openings == 3
    codes = Counter(event.code for event in one.published(Topic.ALERTS) if isinstance(event, Alert))
    assert (codes["feed.breaker_open"], codes["feed.breaker_closed"]) == (3, 2)
    blocked = [seen for seen in one.site.seen if seen.fault is Fault.BLOCKED]
    assert len(blocked) == 1

    # A visitor who behaves: never offers brotli, shows where it comes from, asks three things a minute.
    assert {seen.headers["accept-encoding"] for seen in one.site.seen} == {"gzip, deflate"}
    assert all(seen.headers["referer"].endswith("/option-chain") for seen in chain_requests)
    assert len(one.site.asked("/api/option-chain-contract-info")) == len(one.site.asked("/api/holiday-master")) == 1

    # Time and sequence never go back, nothing is there twice, and market time went on all the while.
    assert all(a.header.ts <= b.header.ts and a.header.seq < b.header.seq for a, b in pairwise(chain))
    ticks = [event.header.ts for event in chain if isinstance(event, ClockTick)]
    assert all(later - earlier == NS_PER_MINUTE for earlier, later in pairwise(ticks))

    # Each expiry kept the spot of its own answer; the one that lagged was left out.
    two = [snapshot for snapshot in fresh if len(snapshot.expiries) == 2]
    assert [minute_of(snapshot, start) for snapshot in fresh if len(snapshot.expiries) == 1] == [27]
    for snapshot in two:
        first, second = (one.spot for one in snapshot.expiries)
        assert first is not None
        assert second is not None
        assert (snapshot.spot, round(second - first, 2)) == (first, 0.45)
    assert all(snapshot.vix is not None and 0.05 < snapshot.vix < 0.6 for snapshot in two[1:])

    check_decisions(chain, fresh)


def check_decisions(chain: list[Event], fresh: list[ChainSnapshot]) -> None:
    """Let every decision service read what was published, and follow each entry back to its snapshot."""
    made = decide(chain)
    trusted = {snapshot.header.id for snapshot in fresh}
    entries = [event for event in made if isinstance(event, Order) and event.action is OrderAction.ENTER]
    filled = [event for event in made if isinstance(event, Fill) and event.action is OrderAction.ENTER and event.lots]
    assert entries
    assert filled
    assert {lineage_root(event.header.id) for event in (*entries, *filled)} <= trusted
    standing_in = {event.header.id for event in chain if event.header.id.endswith(FALLBACK_SUFFIX)}
    assert len(standing_in) == 2
    sides = {lineage_root(event.header.id) for event in made if isinstance(event, Signal) and event.direction}
    refused = {
        event.code for event in made if isinstance(event, Denial) and lineage_root(event.header.id) in standing_in
    }
    assert refused == ({DenialCode.STALE_MARKET} if sides & standing_in else set())


def minute_of(snapshot: ChainSnapshot, start_ns: int) -> int:
    return (snapshot.header.ts + 3 * NS_PER_SECOND - start_ns) // NS_PER_MINUTE


@pytest.mark.broker
def test_outside_the_session_nothing_is_asked_and_no_repeat_of_a_closed_market_gets_in(broker, tape):
    yesterday = Tape.synthetic(date(2026, 11, 17)).chains[-1:]
    one = bench(broker, Tape((*yesterday, *tape.chains)), at(9, 0))
    with one.site:
        feed = accepting(one).start()
        asyncio.run(one.run(feed, at(9, 14, 59)))
        assert not one.site.seen
        asyncio.run(one.run(feed, at(9, 20)))
        assert one.handler.refusals[DataVerdict.WRONG_DATE] > 0
        one.clock.move_to(at(15, 36))
        asyncio.run(one.run(feed, at(16, 30)))
        last_asked = one.site.seen[-1].now_ns
        asyncio.run(one.run(feed, at(18, 0)))
        closed_market = asyncio.run(one.source.poll())
        assert one.handler.accept(closed_market.items[-1]) == []
    assert at(15, 40) <= last_asked <= at(15, 42)
    snapshots = one.snapshots()
    assert all(CALENDAR.session_at(snapshot.header.ts) is not None for snapshot in snapshots)
    assert {from_ns(snapshot.header.ts).date() for snapshot in snapshots} == {DAY}
    assert [snapshot.header.ts for snapshot in snapshots].count(at(15, 40)) == 1
    last = one.published()[-1]
    assert isinstance(last, ClockTick)
    assert last.header.ts == at(15, 40)


class CrashError(Exception):
    """The process ends here."""


class FragilePublisher(RedisPublisher):
    """Ends the process at one publication, before or after it went out."""

    def __init__(self, broker: str, number: int, *, before: bool) -> None:
        super().__init__(broker, patience_s=0.2)
        self._left = number
        self._before = before

    def publish(self, events):
        self._left -= 1
        if self._left == 0 and self._before:
            raise CrashError
        published = super().publish(events)
        if self._left == 0:
            raise CrashError
        return published


def written(one: Bench) -> list[tuple[str, int, object]]:
    """Give the chain as published, without what differs from run to run."""
    return [
        (event.header.id, event.header.seq, msgspec.structs.replace(event, received_ns=None))
        if isinstance(event, ChainSnapshot)
        else (event.header.id, event.header.seq, event)
        for event in one.published()
    ]


def undisturbed(broker: EmbeddedRedis, tape: Tape, start: int, end: int) -> list[tuple[str, int, object]]:
    one = bench(broker, tape, start)
    with one.site:
        asyncio.run(one.run(accepting(one, poll_jitter_s=0).start(), end))
    found = written(one)
    redis.Redis(port=broker.port).flushall()
    return found


@pytest.mark.broker
def test_restarts_at_the_worst_moments_leave_the_same_stream_as_none(broker, tape):
    start, end = at(10, 0, 5), at(10, 12)
    expected = undisturbed(broker, tape, start, end)
    one = bench(broker, tape, start)
    crashes = 0
    with one.site:
        accepting(one, poll_jitter_s=0)
        for number in (1, 2, 3, 1, 2, 2):
            feed = one.start(FragilePublisher(broker.url, number, before=crashes % 2 == 0))
            with pytest.raises(CrashError):
                asyncio.run(one.run(feed, end))
            crashes += 1
            one.clock.advance(7 * NS_PER_SECOND)
        asyncio.run(one.run(one.start(), end))
    assert written(one) == expected


@pytest.mark.broker
def test_a_broker_that_goes_away_and_comes_back_leaves_the_same_stream(broker, tape):
    start, end = at(10, 0, 5), at(10, 8)
    expected = undisturbed(broker, tape, start, end)
    one = bench(broker, tape, start)
    with one.site:
        accepting(one, poll_jitter_s=0)
        feed = one.start(RedisPublisher(broker.url, patience_s=0.01))

        async def through_an_outage() -> None:
            while one.clock.now_ns() < at(10, 3):
                await one.sleep(await feed.go_round())
            broker.kill()
            asked = len(one.site.seen)
            for _ in range(5):
                await one.sleep(await feed.go_round())
            assert len(one.site.seen) == asked + 3  # the poll it found out by, and none after
            broker.start()
            await one.run(feed, end)

        asyncio.run(through_an_outage())
    assert feed.counts["broker_outages"] >= 5
    assert written(one) == expected


@pytest.mark.broker
def test_with_its_memory_lost_the_feed_goes_on_behind_what_was_published(broker, tape):
    one = bench(broker, tape, at(10, 0, 5))
    with one.site:
        accepting(one)
        asyncio.run(one.run(one.start(), at(10, 4)))
        assert (
            redis.Redis(port=broker.port).hdel(stream_key(partition_of(BOOK, 4), "published:ingest"), f"live|{BOOK}")
            == 1
        )
        asyncio.run(one.run(one.start(), at(10, 8)))
    chain = one.published()
    assert [event.header.seq for event in chain] == list(range(1, len(chain) + 1))
    assert all(a.header.ts <= b.header.ts for a, b in pairwise(chain))
    assert len({event.header.id for event in chain}) == len(chain)
    assert len([event for event in chain if isinstance(event, ChainSnapshot)]) == 8


@pytest.mark.broker
@pytest.mark.market_data
def test_a_day_of_real_captures_through_the_site_is_recorded_minute_by_minute(broker, market_data):
    folder = market_data / "nse-raw-oldapi-2025q4" / "raw" / "2025-11-19"
    start = ist_ns(2025, 11, 19, 10, 0)
    real = Tape.captured(folder, start)
    one = bench(broker, real, start + 5 * NS_PER_SECOND)
    with one.site:
        accepting(one, poll_jitter_s=0)
        asyncio.run(one.run(one.start(), start + len(real.chains) * NS_PER_MINUTE))
    snapshots = [snapshot for snapshot in one.snapshots() if QualityFlag.FALLBACK not in snapshot.quality]
    assert len(snapshots) == len(real.chains)
    for snapshot, captured in zip(snapshots, real.chains, strict=True):
        assert snapshot.spot == captured.spot
        for shown, source in zip(snapshot.expiries, captured.expiries, strict=False):
            assert (shown.expiry, shown.strikes) == (source.expiry, source.strikes)
            assert (shown.call.bid, shown.call.ask, shown.call.ltp) == (
                source.call.bid,
                source.call.ask,
                source.call.ltp,
            )
            assert list(map(bool, shown.put.bid[1:])) == list(map(bool, source.put.bid[1:]))


@dataclass
class StopsAfter(Noted):
    """A watcher that tells the process to end while the feed goes round."""

    stop: threading.Event = field(default_factory=threading.Event)
    limit: int = 12

    def went_round(self) -> None:
        super().went_round()
        if self.rounds == self.limit:
            self.stop.set()


@pytest.mark.broker
def test_told_to_stop_it_ends_wherever_it_waits_and_the_next_start_goes_on(broker, tape):
    one = bench(broker, tape, at(10, 0, 5))
    with one.site:
        accepting(one)
        one.watcher = StopsAfter()
        asyncio.run(run_until(one.watcher.stop, one.start()))
        first = one.published()
        one.watcher = StopsAfter()
        asyncio.run(run_until(one.watcher.stop, one.start()))
    chain = one.published()
    assert 0 < len(first) < len(chain)
    assert [event.header.seq for event in chain] == list(range(1, len(chain) + 1))


@pytest.mark.broker
def test_an_error_of_our_own_ends_the_process_and_does_not_hang_it(broker, tape):
    one = bench(broker, tape, at(10, 0, 5))
    stop = threading.Event()
    with one.site:
        feed = accepting(one).start(FragilePublisher(broker.url, 1, before=True))
        with pytest.raises(CrashError):
            asyncio.run(run_until(stop, feed))
    assert stop.is_set()


@pytest.mark.broker
def test_polling_moves_away_from_the_moment_at_which_the_source_moves_on(broker, tape):
    one = bench(broker, tape, at(10, 0, 58))
    with one.site:
        feed = accepting(one).start()
        feed._phase_ns = 58 * NS_PER_SECOND
        asyncio.run(one.run(feed, at(10, 31)))
    assert one.handler.refusals[DataVerdict.REPEATED_STAMP] <= 1
    assert len(one.snapshots()) >= 29
