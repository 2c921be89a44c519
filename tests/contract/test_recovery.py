"""Whatever ends an engine or cuts it off, the next one makes exactly what was still to be made."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from shared.errors import ConfigError, StateError
from shared.events import Alert, Event, ModelPublished, Severity
from shared.events.topology import Topic, partition_of
from shared.streaming.protocol.codec import encode
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.keys import CONSUMER, state_key, stream_key
from shared.streaming.redis.publisher import RedisPublisher
from tests.contract.conftest import Bench

POINTS = ("read", "handled", "sent", "committed", "recovered")


class KillAt:
    """Kills the engine when it reaches a point for the n-th time."""

    def __init__(self, point: str, count: int, kill: type[BaseException]) -> None:
        self._point = point
        self._left = count
        self._kill = kill

    def __call__(self, point: str, _: int) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                raise self._kill


class Hold:
    """Holds the engine at a point until told to go on."""

    def __init__(self, point: str) -> None:
        self._point = point
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, point: str, _: int) -> None:
        if point == self._point and not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(20)


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_engines_work_is_taken_up_exactly(bench, killed, point: str, every: int) -> None:
    events = bench.ticks(300)
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events[:200])
        dying = bench.start(bench.chained(every), fault=KillAt(point, 3, killed), chunk=16, batch=32)
        bench.join(dying)
        publisher.publish(events[200:])
    bench.start(bench.chained(every), replica="two", chunk=16, batch=32)
    bench.await_outputs(events)


@pytest.mark.parametrize("every", [1, 7])
def test_a_stopped_engines_work_is_taken_up_exactly(bench, every: int) -> None:
    events = bench.ticks(200)
    with RedisPublisher(bench.url) as publisher:
        for start in range(0, 200, 50):
            engine = bench.start(bench.chained(every))
            publisher.publish(events[start : start + 50])
            bench.await_outputs(events[: start + 50])
            bench.stop(engine)


def test_poison_before_and_after_a_kill_is_dead_once(bench, killed) -> None:
    events = bench.ticks(200)
    poison = (13, 14, 90, 91, 199)
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events)
    dying = bench.start(bench.chained(5, poison), fault=KillAt("committed", 4, killed), chunk=8, batch=16)
    bench.join(dying)
    bench.start(bench.chained(5, poison), replica="two")
    bench.await_outputs(events, bench.chained(5, poison))


def test_a_flushed_broker_begins_afresh_under_running_engines(bench) -> None:
    engine = bench.start()
    events = bench.ticks(80)
    for _ in range(2):
        with RedisPublisher(bench.url) as publisher:
            publisher.publish(events)
        bench.await_outputs(events)
        _everywhere(bench.url, "FLUSHALL")
        bench.eventually(lambda: not bench.alerts())
    bench.eventually(lambda: engine.ready)


@pytest.mark.parametrize(
    "harm",
    [("SCRIPT", "FLUSH"), ("CLIENT", "KILL", "TYPE", "normal")],
    ids=" ".join,
)
def test_the_engine_goes_on_after(bench, harm: tuple[str, ...]) -> None:
    engine = bench.start()
    events = bench.ticks(240)
    with RedisPublisher(bench.url) as publisher:
        for start in range(0, 240, 40):
            publisher.publish(events[start : start + 40])
            _everywhere(bench.url, *harm)
    bench.await_outputs(events)
    assert engine.counters["disruptions"] > 0


def test_a_destroyed_group_is_made_again_where_it_stood(bench) -> None:
    bench.start()
    events = bench.ticks(120)
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events[:60])
        bench.await_outputs(events[:60])
        broker = Broker(bench.url)
        for partition in range(4):
            broker.shared(partition).call("XGROUP", "DESTROY", stream_key(partition, Topic.CHAIN), "features")
        broker.close()
        publisher.publish(events[60:])
    bench.await_outputs(events)


def test_an_owner_that_wakes_up_late_commits_nothing(bench) -> None:
    events = bench.ticks(100, ("nifty",))
    hold = Hold("handled")
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events[:50])
        late = bench.start(fault=hold)
        assert hold.reached.wait(10)
        bench.start(replica="two")
        bench.await_outputs(events[:50])
        hold.go_on.set()
        publisher.publish(events[50:])
        bench.await_outputs(events)
    bench.eventually(lambda: late.counters["lease_losses"] > 0)


def test_entries_taken_by_a_stranger_are_found_without_new_ones(bench) -> None:
    engine = bench.start()
    events = bench.ticks(20, ("nifty",))
    bench.eventually(lambda: engine.ready)
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events[:10])
        bench.await_outputs(events[:10])
        _steal(bench.url, events[10:])
    bench.await_outputs(events)


def test_entries_taken_by_a_stranger_keep_their_place(bench) -> None:
    events = bench.ticks(30, ("nifty",))
    hold = Hold("read")
    engine = bench.start(fault=hold)
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events[:10])
        assert hold.reached.wait(10)
        _steal(bench.url, events[10:20])
        publisher.publish(events[20:])
    hold.go_on.set()
    bench.await_outputs(events)
    assert engine.counters["gaps"] > 0


def test_entries_read_by_hand_under_another_name_come_back(bench) -> None:
    events = bench.ticks(20, ("nifty",))
    bench.stop(_settled(bench))
    _steal(bench.url, events, consumer="somebody")
    bench.start()
    bench.await_outputs(events)


def test_entries_deleted_while_pending_do_not_hold_up_the_rest(bench) -> None:
    events = bench.ticks(10, ("nifty",))
    bench.stop(_settled(bench))
    _steal(bench.url, events)
    partition = partition_of("nifty", 4)
    broker = Broker(bench.url)
    entries = broker.shared(partition).call("XRANGE", stream_key(partition, Topic.CHAIN), "-", "+")
    broker.shared(partition).call("XDEL", stream_key(partition, Topic.CHAIN), entries[0][0], entries[4][0])
    broker.close()
    engine = bench.start()
    bench.await_outputs([event for number, event in enumerate(events) if number not in {0, 4}])
    assert engine.counters["vanished"] == 2


class Unreliable:
    """Takes each event once and never again: not the pure handler an engine is promised."""

    taken: set[str]

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken

    def handle(self, event: Event) -> list[Event]:
        if event.header.id in self.taken:
            raise ArithmeticError("not again")
        self.taken.add(event.header.id)
        return []

    def checkpoint(self) -> bytes:
        return b"x"

    def restore(self, state: bytes) -> None:
        assert state == b"x"


def test_a_handler_that_folds_differently_is_counted(server_bench) -> None:
    taken: set[str] = set()
    service = Service("features", lambda _: Unreliable(taken), (Topic.CHAIN,), 100)
    events = server_bench.ticks(6, ("nifty",))
    first = server_bench.start(service)
    with RedisPublisher(server_bench.url) as publisher:
        publisher.publish(events[:3])
        server_bench.eventually(lambda: first.counters["events"] == 3)
        publisher.publish(events[3:])
        server_bench.eventually(lambda: first.counters["events"] == 6)
    server_bench.stop(first)
    second = server_bench.start(service)
    server_bench.eventually(lambda: second.ready)
    assert second.counters["catch_up_failures"] == 3


def test_a_state_of_another_version_stops_the_engine_and_says_where(server_bench) -> None:
    broker = Broker(server_bench.url)
    broker.shared(0).call("HSET", state_key(0, "features"), "nifty", b"\x00 not a state")
    broker.close()
    with pytest.raises(StateError, match=r"state:features.*book nifty"):
        server_bench.engine().run()


def test_another_number_of_partitions_stops_the_engine_and_the_publisher(bench) -> None:
    bench.stop(_settled(bench))
    with pytest.raises(ConfigError, match="expected 4"):
        bench.engine(partitions=3).run()
    with RedisPublisher(bench.url, partitions=5) as publisher, pytest.raises(ConfigError, match="expected 4"):
        publisher.publish(bench.ticks(1))


class Tally:
    """Counts events of each kind apart, so that its outputs do not depend on how two streams interleave."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def handle(self, event: Event) -> list[Event]:
        kind = type(event).__name__
        self._counts[kind] += 1
        header = event.header.child("risk")
        return [Alert(header=header, severity=Severity.INFO, code=kind, text=str(self._counts[kind]))]

    def checkpoint(self) -> bytes:
        return repr(dict(self._counts)).encode()

    def restore(self, state: bytes) -> None:
        pairs = (pair.split(": ") for pair in state.decode().strip("{}").split(", ") if pair)
        self._counts = Counter({name.strip("'"): int(count) for name, count in pairs})


def test_a_service_of_several_streams_loses_nothing_of_any(bench, killed) -> None:
    service = Service("risk", lambda _: Tally(), (Topic.CHAIN, Topic.MODELS))
    chain = bench.ticks(120, ("nifty", "sensex"))
    models = [
        ModelPublished(
            header=tick.header, model_version="", schema_id="", verdict="", role="", metrics={}, effective_ts=0
        )
        for tick in chain
    ]
    with RedisPublisher(bench.url) as publisher:
        publisher.publish([event for pair in zip(chain, models, strict=True) for event in pair])
    dying = bench.start(service, fault=KillAt("committed", 3, killed), chunk=8, batch=16)
    bench.join(dying)
    bench.start(service, replica="two")
    bench.eventually(lambda: sum(map(len, bench.alerts().values())) == 240)
    for alerts in bench.alerts().values():
        for kind in ("ClockTick", "ModelPublished"):
            assert [int(alert.text) for alert in alerts if alert.code == kind] == list(range(1, 61))


def _settled(bench: Bench) -> RedisEngine:
    engine = bench.start()
    bench.eventually(lambda: engine.ready)
    return engine


def _steal(url: str, events: list[Event], consumer: str = CONSUMER) -> None:
    """Publish events and have a stranger read them in the same step, before the owner can."""
    partition = partition_of(events[0].header.book, 4)
    script = """
    for i = 3, #ARGV, 14 do redis.call('XADD', KEYS[1], '*', unpack(ARGV, i, i + 13)) end
    redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1000, 'STREAMS', KEYS[1], '>')
    """
    wire = [part for event in events for part in encode(event)]
    broker = Broker(url)
    broker.shared(partition).call("EVAL", script, 1, stream_key(partition, Topic.CHAIN), "features", consumer, *wire)
    broker.close()


def _everywhere(url: str, *command: str) -> None:
    broker = Broker(url)
    for partition in range(4):
        broker.shared(partition).call(*command)
    broker.close()
