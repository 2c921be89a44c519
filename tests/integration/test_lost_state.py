"""A checkpoint that is gone while the group's position is there starts its book halted, with what the streams still say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest

from services.executor.bootstrap import executor_service
from services.executor.settings import ExecutorSettings
from services.risk.bootstrap import risk_service
from services.risk.settings import RiskSettings
from shared.events import (
    Alert,
    BookState,
    Command,
    CommandKind,
    Denial,
    Event,
    Fill,
    FillStatus,
    HaltChanged,
    HaltState,
    Intent,
    Order,
    OrderAction,
)
from shared.events.topology import Topic
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.keys import position_key, state_key
from shared.streaming.redis.publisher import RedisPublisher
from shared.streaming.redis.soundness import server_faults
from tests.builders import PUT, at, candidate, chain_header, entry_order, market_view, signal, snapshot
from trading_system.operations.checks.broker import broker_keeps
from trading_system.operations.checks.findings import Grade, Subject

PATIENCE_S = 20.0
QUOTES = {24500.0: (100.0, 100.5)}
CALENDAR = TradingCalendar.load()


def turn_until_idle(url: str, service: Service) -> None:
    """Run a service until nothing is left for it to do."""
    engine = RedisEngine(service, url, partitions=1, replica="test", lease_ms=1000, block_ms=20)
    thread = threading.Thread(target=engine.run)
    thread.start()
    deadline = monotonic() + PATIENCE_S
    try:
        while not (engine.ready and at_rest(url, service)):
            assert monotonic() < deadline, f"{service.name} is not at rest"
            sleep(0.02)
    finally:
        engine.stop()
        thread.join(10.0)


def at_rest(url: str, service: Service) -> bool:
    groups = [each for each in inspect_broker(url, 1).groups if each.group == service.name]
    return len(groups) == len(service.inputs) and all(each.lag == 0 and each.pending == 0 for each in groups)


class Desk:
    """A broker with the executor and risk on it, each for as long as there is work."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.publisher = RedisPublisher(url, producer="test", partitions=1)
        clock = VarianceClock.load(CALENDAR)
        self.executor = executor_service(ExecutorSettings(), CALENDAR, CostTable.load(), clock)
        self.risk = risk_service(RiskSettings())

    def feed(self, *events: Event, to: Service) -> None:
        self.publisher.publish(list(events))
        turn_until_idle(self.url, to)

    def events(self, topic: Topic) -> list[Event]:
        return list(read_stream(self.url, topic, 1))

    def newest(self, kind: type[Event], topic: Topic) -> Event:
        return [event for event in self.events(topic) if isinstance(event, kind)][-1]

    def alerts(self) -> dict[str, str]:
        return {event.code: event.text for event in self.events(Topic.ALERTS) if isinstance(event, Alert)}

    def lose(self, *keys: str) -> None:
        link = Broker(self.url).connect(0)
        assert link.call("DEL", *keys) == len(keys)
        link.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with EmbeddedRedis(tmp_path) as broker:
        made = Desk(broker.url)
        yield made
        made.publisher.close()


def with_a_position(desk: Desk) -> BookState:
    desk.feed(snapshot(1, at(10, 0), puts=QUOTES), to=desk.executor)
    desk.feed(entry_order(1, at(10, 0), signal_id="s"), to=desk.executor)
    desk.feed(snapshot(2, at(10, 1), puts=QUOTES), to=desk.executor)
    book = desk.newest(BookState, Topic.BOOK)
    assert isinstance(book, BookState)
    assert len(book.positions) == 1
    return book


@pytest.mark.broker
def test_a_lost_checkpoint_of_the_executor_comes_back_halted_with_the_last_books_money_and_positions(desk: Desk):
    before = with_a_position(desk)
    desk.lose(state_key(0, "executor"))
    desk.feed(snapshot(3, at(10, 2), puts=QUOTES), to=desk.executor)
    after = desk.newest(BookState, Topic.BOOK)
    assert isinstance(after, BookState)
    assert after.halted
    assert after.cash_paise == before.cash_paise
    assert after.peak_equity_paise >= before.peak_equity_paise
    assert [(each.order_id, each.lots, each.stop_price) for each in after.positions] == [
        (each.order_id, each.lots, each.stop_price) for each in before.positions
    ]
    assert "gone" in desk.alerts()["state_lost"]
    assert "ledger_difference" not in desk.alerts()
    intent = desk.newest(Intent, Topic.INTENTS)
    assert isinstance(intent, Intent)
    assert [target.direction for target in intent.targets] == [1], "what it still holds stays at the venue"
    desk.feed(entry_order(3, at(10, 2), strike=24500.0, signal_id="t"), to=desk.executor)
    fill = desk.newest(Fill, Topic.FILLS)
    assert isinstance(fill, Fill)
    assert fill.status is FillStatus.REJECTED
    assert "lost state" in fill.text
    desk.feed(resume(4), to=desk.executor)
    desk.feed(snapshot(4, at(10, 3), puts=QUOTES), to=desk.executor)
    resumed = desk.newest(BookState, Topic.BOOK)
    assert isinstance(resumed, BookState)
    assert not resumed.halted


def resume(seq: int) -> Command:
    header = msgspec.structs.replace(chain_header(seq, at(10, 3)), id="resume")
    return Command(header=header, kind=CommandKind.RESUME, operator="test", reason="seen")


@pytest.mark.broker
def test_a_checkpoint_that_is_there_and_a_book_that_is_new_are_left_as_they_are(desk: Desk):
    with_a_position(desk)
    desk.feed(snapshot(3, at(10, 2), puts=QUOTES), to=desk.executor)
    assert "state_lost" not in desk.alerts()
    desk.lose(state_key(0, "executor"), position_key(0, "executor"))
    link = Broker(desk.url).connect(0)
    for topic in desk.executor.inputs:
        link.call("DEL", f"{{0}}:{topic.value}")
    link.close()
    desk.feed(snapshot(4, at(10, 3), puts=QUOTES), to=desk.executor)
    assert "state_lost" not in desk.alerts(), "nothing says that it ever was"


@pytest.mark.broker
def test_a_lost_checkpoint_of_risk_comes_back_halted_and_orders_nothing(desk: Desk):
    book = with_a_position(desk)
    turn_until_idle(desk.url, desk.risk)
    desk.lose(state_key(0, "risk"))
    market = market_view(candidate(24500.0, PUT, 100.0, 100.5, -0.35))
    for seq, minute in ((3, 2), (4, 3)):
        said = signal(seq, at(10, minute), 1, market=market)
        desk.feed(snapshot(seq, at(10, minute), puts=QUOTES), to=desk.executor)
        desk.feed(msgspec.structs.replace(said, p_put_pays=0.9), to=desk.risk)
    halt = desk.newest(HaltChanged, Topic.HALTS)
    assert isinstance(halt, HaltChanged)
    assert halt.state is HaltState.HALTED
    assert "gone" in desk.alerts()["state_lost"]
    made = [
        event for event in desk.events(Topic.ORDERS) if isinstance(event, Order) and event.action is OrderAction.ENTER
    ]
    assert [order.header.id for order in made] == [book.positions[0].order_id]
    assert any(isinstance(event, Denial) for event in desk.events(Topic.ORDERS))


@pytest.mark.broker
def test_a_broker_that_evicts_in_mid_run_is_named_as_the_cause(tmp_path: Path):
    with EmbeddedRedis(tmp_path, options=("--maxmemory-policy", "allkeys-random")) as broker:
        desk = Desk(broker.url)
        with_a_position(desk)
        link = Broker(broker.url).connect(0)
        kept = {
            key: link.call("DUMP", key) for key in link.call("KEYS", "*") if key != state_key(0, "executor").encode()
        }
        link.call("CONFIG", "SET", "maxmemory", "1")
        # Everything has been evicted, by the server itself; what the test is not about comes back.
        while link.call("DBSIZE"):
            link.call("PING")
        link.call("CONFIG", "SET", "maxmemory", "0")
        for key, content in kept.items():
            link.call("RESTORE", key, 0, content)
        assert "maxmemory-policy" in " ".join(server_faults(link))
        assert "eviction" in " ".join(server_faults(link))
        link.close()
        desk.feed(snapshot(3, at(10, 2), puts=QUOTES), to=desk.executor)
        assert "eviction: the broker has deleted" in desk.alerts()["state_lost"]
        desk.publisher.close()


@pytest.mark.broker
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--appendonly", "yes"), ()),
        (("--appendonly", "no"), ("append-only file",)),
        (("--appendonly", "yes", "--maxmemory", "64mb"), ("at least 128 MiB",)),
        (("--appendonly", "yes", "--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"), ("noeviction",)),
    ],
)
def test_a_broker_that_may_lose_books_is_refused_by_the_doctor(
    tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
):
    with EmbeddedRedis(tmp_path, options=options) as broker:
        findings = list(broker_keeps(Subject(date(2025, 8, 29), {"THETAFLOW_BROKER_URL": broker.url})))
    assert [finding.grade for finding in findings] == [Grade.FAILED if words else Grade.OK]
    assert all(word in findings[0].text for word in words)
