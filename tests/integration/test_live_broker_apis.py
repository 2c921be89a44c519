"""Live hours by a broker's API: it trades, it is recorded as any other day, and the recording decides the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from services.ingest.handler import IngestHandler
from services.ingest.live.feed import LiveFeed
from services.ingest.live.memory import LiveMemory
from services.ingest.settings import IngestSettings
from services.ingest.sources.openalgo.source import OpenAlgoSource
from services.ingest.sources.port import SourceContext
from services.ingest.sources.zerodha.source import ZerodhaSource
from services.recorder.recording import Recording
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns
from shared.events import ChainSnapshot, Event, FeedKind, Fill, Order, OrderAction
from shared.events.topology import Topic
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.store.store import Store
from shared.streaming.connect import connect
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.golden import golden_hash
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from tests.fakes.loopback import served
from tests.fakes.nse_market import Tape
from tests.fakes.openalgo import FakeOpenAlgo
from tests.fakes.zerodha import FakeZerodha
from trading_system.wiring import Installation

DAY = date(2026, 11, 18)
CALENDAR, CONTRACTS = TradingCalendar.load(), ContractTable.load()


class Unwatched:
    """A watcher that remembers nothing."""

    def went_round(self) -> None:
        """Do nothing."""

    def published(self, event: Event) -> None:
        """Do nothing."""

    def polled(self, outcome: str) -> None:
        """Do nothing."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker", appendonly=True) as running:
        yield running


def bring(broker: EmbeddedRedis, name: str, token: Path, minutes: int) -> list[Event]:
    """Run the live feed on a fake for so long; give what it published on `chain`."""
    clock = ManualClock(ist_ns(2026, 11, 18, 10, 0, 5))
    tape = Tape.synthetic(DAY)
    token.write_text("today")

    async def sleep(seconds: float) -> None:
        clock.advance(int(seconds * NS_PER_SECOND) + 1)
        await asyncio.sleep(0)

    fake: Any = FakeZerodha(tape, clock) if name == "zerodha" else FakeOpenAlgo(tape, clock)
    with served(fake.app()) as url:
        settings = IngestSettings(
            source=name,
            openalgo_url=url,
            openalgo_api_key=SecretStr("key"),
            zerodha_url=url,
            zerodha_api_key=SecretStr("app"),
            zerodha_token_path=token,
        )
        context = SourceContext(settings, clock, CALENDAR, CONTRACTS, Random(5), sleep)
        source = (ZerodhaSource if name == "zerodha" else OpenAlgoSource)(
            context, lambda: clock.now_ns() / NS_PER_SECOND
        )
        feed = LiveFeed(
            source,
            IngestHandler("nifty", settings, CALENDAR, CONTRACTS, FeedKind.LIVE),
            RedisPublisher(broker.url, patience_s=0.2),
            LiveMemory(connect(broker.url), "nifty"),
            calendar=CALENDAR,
            clock=clock,
            settings=settings,
            random=Random(5),
            sleep=sleep,
            watcher=Unwatched(),
        )

        async def run() -> None:
            until_ns = clock.now_ns() + minutes * 60 * NS_PER_SECOND
            while clock.now_ns() < until_ns:
                await sleep(await feed.go_round())
            await source.close()

        asyncio.run(run())
    return list(read_stream(broker.url, Topic.CHAIN))


def decide(events: list[Event]) -> list[Event]:
    """Run every decision service on what was published."""
    seen: list[Event] = []
    environ = {"THETAFLOW_PREDICTOR_THRESHOLD": "0.51", **environ_of(**UNGATED, **SHORT_HOLDING)}
    MemoryEngine(Installation.load(environ).services(), observer=seen.append).publish(events)
    return seen


@pytest.mark.broker
@pytest.mark.parametrize("name", ["zerodha", "openalgo"])
def test_an_hour_is_traded_recorded_and_decided_the_same_by_its_recording(broker, tmp_path, name):
    chain = bring(broker, name, tmp_path / "token", 75)
    snapshots = [event for event in chain if isinstance(event, ChainSnapshot)]
    assert len(snapshots) >= 70
    assert not any(snapshot.quality for snapshot in snapshots)
    assert all(len(snapshot.expiries) == 3 and snapshot.vix is not None for snapshot in snapshots)
    lived = decide(chain)
    filled = [event for event in lived if isinstance(event, Fill) and event.action is OrderAction.ENTER and event.lots]
    assert [event for event in lived if isinstance(event, Order) and event.action is OrderAction.ENTER]
    assert filled

    recording = Recording(connect(broker.url), tmp_path / "store")
    while recording.read():
        recording.write()
    # A replay of our own recording would say `played`, which is all that differs.
    handler = IngestHandler("nifty", IngestSettings(), CALENDAR, CONTRACTS, FeedKind.LIVE)
    again = [
        event for parsed in Store(tmp_path / "store").read_day(DAY.isoformat()) for event in handler.accept(parsed)
    ]
    last = max(event.header.ts for event in again)
    same_span = [event for event in chain if event.header.ts <= last]
    assert [e for e in again if isinstance(e, ChainSnapshot)] == [e for e in same_span if isinstance(e, ChainSnapshot)]
    assert golden_hash(decide(again)) == golden_hash(decide(same_span))
