"""The recorder copies every entry of every stream once, also when it dies at any step, and a recorded day replays alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest

from services.ingest.sources.synthetic.source import synthetic_days
from services.recorder.days import DayKeeper
from services.recorder.recording import Recording
from services.recorder.settings import RecorderSettings
from shared.clock import NS_PER_SECOND, ManualClock, ist_date
from shared.errors import BrokerUnavailableError
from shared.events import Event
from shared.market.chain import Parsed
from shared.store.query import query
from shared.store.store import Store
from shared.streaming.connect import connect
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.publisher import RedisPublisher
from trading_system.simulation.replay import SimulationRequest, simulate, simulate_items
from trading_system.wiring import Installation

pytestmark = pytest.mark.broker


class DiedError(Exception):
    """The recorder dies here."""


class Minutes:
    """The first minutes of a made-up day."""

    def __init__(self, count: int) -> None:
        self.len_hint = count

    def __iter__(self) -> Iterator[Parsed]:
        return islice(synthetic_days(5, 1), self.len_hint)


@pytest.fixture(scope="module")
def stream() -> list[Event]:
    """Everything that passes in the first two hours of a made-up day."""
    house = Installation.load({})
    seen: list[Event] = []
    engine = MemoryEngine(house.services(), observer=seen.append)
    ingest = house.ingest_handler("nifty")
    for item in Minutes(120):
        engine.publish(ingest.accept(item))
    return seen


def test_what_dies_at_any_step_is_neither_lost_nor_doubled(tmp_path: Path, stream: list[Event]):
    steps = ["legs", "files", "positions"]
    died: Counter[str] = Counter()
    with EmbeddedRedis(tmp_path / "broker") as server, RedisPublisher(server.url, "test", 1) as publisher:
        broker, root = connect(server.url, 1), tmp_path / "store"
        chunk = max(len(stream) // 12, 1)
        for round_number, start in enumerate(range(0, len(stream), chunk)):
            publisher.publish(stream[start : start + chunk])
            step = steps[round_number % len(steps)]
            recording = Recording(broker, root, fault=_dies_at(step))
            recording.read()
            # A chunk without a snapshot has no legs to die at.
            with suppress(DiedError):
                recording.write()
                continue
            died[step] += 1
        assert min(died[step] for step in steps) >= 3
        last = Recording(broker, root)
        last.read()
        last.write()
        assert Recording(broker, root).read() == 0
        lags = [group.lag for group in inspect_broker(server.url, 1).groups if group.group == "recorder"]
        broker.close()
    snapshots = sum(type(event).__name__ == "ChainSnapshot" for event in stream)
    assert query("SELECT count(*), count(DISTINCT id) FROM snapshots", root).rows == ((snapshots, snapshots),)
    others = len(stream) - snapshots
    assert query("SELECT count(*), count(DISTINCT id) FROM events", root).rows == ((others, others),)
    assert set(lags) == {0}


def test_a_recorded_day_replays_to_the_same_golden_hash(tmp_path: Path):
    house = Installation.load({})
    original = simulate_items(Minutes(150), SimulationRequest(source="minutes"), installation=house)
    with EmbeddedRedis(tmp_path / "broker") as server, RedisPublisher(server.url, "test", 1) as publisher:
        ingest = house.ingest_handler("nifty")
        for item in Minutes(150):
            publisher.publish(ingest.accept(item))
        broker = connect(server.url, 1)
        recording = Recording(broker, tmp_path / "store")
        recording.read()
        recording.write()
        broker.close()
    (stored,) = Store(tmp_path / "store").days()
    clock = ManualClock(0)
    clock.move_to(ingest.last_snapshot_ns or 0)
    keeper = DayKeeper(RecorderSettings(store=tmp_path / "store"), clock, house.calendar)
    assert keeper.finish_days() == ([], []), "compacted in the session"
    session = house.calendar.session(ist_date(clock.now_ns()))
    assert session is not None
    clock.move_to(session.close_ns + 1_800 * NS_PER_SECOND)
    assert keeper.finish_days() == ([("nifty", stored.day)], [])
    again = simulate(SimulationRequest(source=stored.day, store=tmp_path / "store"), installation=house)
    assert again.golden_hash == original.golden_hash
    assert again.signals_all == original.signals_all == 150


def _dies_at(step: str):
    def fault(name: str) -> None:
        if name == step:
            raise DiedError(name)

    return fault


def test_a_broker_that_dies_after_the_write_brings_nothing_back(tmp_path: Path, stream: list[Event]):
    root = tmp_path / "store"
    with (
        EmbeddedRedis(tmp_path / "broker", appendonly=True) as server,
        RedisPublisher(server.url, "test", 1) as publisher,
    ):
        publisher.publish(stream[:200])
        broker, port = connect(server.url, 1), int(server.url.rpartition(":")[2].partition("/")[0])
        recording = Recording(broker, root)
        recording.read()
    with pytest.raises(BrokerUnavailableError):
        recording.write()
    broker.reset()
    with EmbeddedRedis(tmp_path / "broker", appendonly=True, port=port):
        assert recording.write() == 0
        assert recording.read() == 0
        broker.close()
    rows = query("SELECT (SELECT count(*) FROM snapshots) + (SELECT count(*) FROM events)", root).rows
    assert rows == ((200,),)


def test_a_long_outage_is_caught_up_with_in_pieces(tmp_path: Path, stream: list[Event]):
    with EmbeddedRedis(tmp_path / "broker") as server, RedisPublisher(server.url, "test", 1) as publisher:
        publisher.publish(stream)
        broker = connect(server.url, 1)
        recording = Recording(broker, tmp_path / "store", most=50)
        pieces = []
        while recording.read():
            pieces.append(recording.write())
        broker.close()
    assert sum(pieces) == len(stream)
    assert max(pieces) <= 50
