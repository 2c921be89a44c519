"""Risk and executor decide the same in one process and over Redis: one golden hash, intents and books included."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest

from services.executor.bootstrap import executor_service
from services.executor.settings import ExecutorSettings
from services.risk.bootstrap import risk_service
from services.risk.settings import RiskSettings
from shared.events import BookState, ChainSnapshot, Command, CommandKind, Event, Intent, Order, Trade
from shared.events.topology import Topic
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.codec import encode_json
from shared.streaming.protocol.golden import golden_hash
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.lockstep import RedisLockstep
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import CALL, EXPIRY, PUT, SHORT_HOLDING, UNGATED, at, candidate, chain_header, market_view, signal
from tests.unit.services.executor.random_market import RandomMarket

OUTPUTS = (Topic.ORDERS, Topic.FILLS, Topic.TRADES, Topic.BOOK, Topic.INTENTS)


class Silent:
    """A service that says nothing: it stands in for those that are not under test."""

    def handle(self, _event: Event) -> Sequence[Event]:
        return ()

    def checkpoint(self) -> bytes:
        return b"{}"

    def restore(self, state: bytes) -> None:
        del state


def services() -> tuple[Service, ...]:
    # The usual limit on stress leaves too few trades to compare in a day so short.
    rules = {**UNGATED, **SHORT_HOLDING, "max_holding_minutes": 8.0}
    risk = RiskSettings(cool_down_minutes=1.0, max_consecutive_losses=100, max_stress_loss=0.5, **rules)
    calendar = TradingCalendar.load()
    return (
        Service(name="features", make=lambda _: Silent()),
        Service(name="predictor", make=lambda _: Silent()),
        risk_service(risk),
        executor_service(ExecutorSettings(venue_variables=2), calendar, CostTable.load(), VarianceClock.load(calendar)),
    )


def story() -> list[Event]:
    """A day of chains, a signal after most of them, and an operator's words in between."""
    rng = Random(11)
    events: list[Event] = []
    for chain in RandomMarket(rng, at(9, 30), 0, 150, EXPIRY).chains():
        events.append(chain)
        if isinstance(chain, ChainSnapshot) and rng.random() < 0.8:
            events.append(_signal(rng, chain))
        for at_seq, kind in ((60, CommandKind.HALT), (75, CommandKind.RESUME), (110, CommandKind.REDUCE)):
            if chain.header.seq == at_seq:
                header = msgspec.structs.replace(chain_header(at_seq, chain.header.ts), id=f"command-{at_seq}")
                events.append(Command(header=header, kind=kind, operator="test", reason="drill"))
    return events


def _signal(rng: Random, chain: ChainSnapshot) -> Event:
    (expiry,) = chain.expiries
    quotes = []
    for kind, leg, sign in ((PUT, expiry.put, -1.0), (CALL, expiry.call, 1.0)):
        middle = len(expiry.strikes) // 2
        quotes += [
            candidate(expiry.strikes[i], kind, leg.bid[i], leg.ask[i], sign * 0.35)
            for i in range(middle - 1, middle + 2)
        ]
    made = signal(chain.header.seq, chain.header.ts, rng.choice((1, -1, 0)), market=market_view(*quotes))
    return msgspec.structs.replace(made, p_put_pays=0.8, p_call_pays=0.8)


@contextmanager
def running(url: str) -> Iterator[None]:
    engines = [
        RedisEngine(service, url, partitions=1, replica="test", lease_ms=5000, block_ms=20) for service in services()
    ]
    threads = [threading.Thread(target=engine.run, daemon=True) for engine in engines]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for engine in engines:
            engine.stop()
        for thread in threads:
            thread.join(10.0)


@pytest.mark.broker
def test_one_process_and_redis_decide_the_same(tmp_path: Path):
    in_memory: list[Event] = []
    engine = MemoryEngine(services(), observer=in_memory.append)
    engine.publish(story())
    with EmbeddedRedis(tmp_path / "broker") as broker, running(broker.url):
        with (
            RedisPublisher(broker.url, producer="test", partitions=1) as publisher,
            RedisLockstep(broker.url, 1) as lockstep,
        ):
            for event in story():
                publisher.publish([event])
                lockstep.wait("nifty", 20.0)
        over_redis = [event for topic in OUTPUTS for event in read_stream(broker.url, topic, 1)]
    assert golden_hash(over_redis) == golden_hash(event for event in in_memory if event.header.producer != "predictor")
    for kind in (BookState, Intent, Trade, Order):
        mine = [encode_json(event) for event in in_memory if type(event) is kind]
        theirs = [encode_json(event) for event in over_redis if type(event) is kind]
        assert mine == theirs
        assert len(mine) > 3
