"""Streams stay small, and never at the price of something a group still needs."""

from __future__ import annotations

import pytest

from shared.events import Alert
from shared.events.topology import RETENTION, Topic, partition_of
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.publisher import RedisPublisher
from shared.streaming.redis.trimming import Trimmer, TrimPolicy

PLACE = partition_of("nifty", 4)
KEY = stream_key(PLACE, Topic.CHAIN)
POLICY = TrimPolicy(keep=dict.fromkeys(RETENTION, 20), cap=10_000, turn_ms=1)


@pytest.fixture
def broker(bench):
    broker = Broker(bench.url)
    yield broker
    broker.close()


def _fill(bench, broker: Broker, groups: tuple[str, ...], count: int = 100) -> None:
    for group in groups:
        broker.shared(PLACE).call("XGROUP", "CREATE", KEY, group, "0", "MKSTREAM")
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(bench.ticks(count, ("nifty",)))


def _read(broker: Broker, group: str, count: int, *, ack: bool = True) -> None:
    link = broker.shared(PLACE)
    for _, entries in link.call("XREADGROUP", "GROUP", group, "owner", "COUNT", count, "STREAMS", KEY, ">"):
        if ack:
            link.call("XACK", KEY, group, *(entry[0] for entry in entries))


def _trim(bench, broker: Broker, policy: TrimPolicy = POLICY, turns: int = 3):
    """Take turns; each finds what the one before marked."""
    results = []
    for _ in range(turns):
        bench.eventually(lambda: not broker.shared(PLACE).call("EXISTS", stream_key(PLACE, "turn:chain")))
        result = Trimmer(policy).trim(broker.shared(PLACE), Topic.CHAIN, PLACE)
        assert result is not None
        results.append(result)
        broker.shared(PLACE).call("DEL", stream_key(PLACE, "turn:chain"))
        with RedisPublisher(bench.url) as publisher:
            last = publisher.last("nifty")
            assert last is not None
            publisher.publish(bench.ticks(30, ("nifty",), start=last.seq + 1))
    return results


def _held(bench) -> list[int]:
    return [event.header.seq for event in read_stream(bench.url, Topic.CHAIN)]


def test_what_every_group_has_finished_goes_but_for_the_newest(bench, broker) -> None:
    _fill(bench, broker, ("features", "executor"))
    for group in ("features", "executor"):
        _read(broker, group, 100)
    _trim(bench, broker)
    held = _held(bench)
    assert held[0] == 99  # the last one they finished
    assert held[-1] == 189


def test_a_slow_group_holds_everything_it_has_not_read(bench, broker) -> None:
    _fill(bench, broker, ("features", "executor"))
    _read(broker, "features", 100)
    _read(broker, "executor", 30)
    results = _trim(bench, broker)
    assert _held(bench)[0] == 29
    assert results[-1].slowest == "executor"


def test_a_pending_entry_holds_itself_and_all_after_it(bench, broker) -> None:
    _fill(bench, broker, ("features", "executor"))
    _read(broker, "features", 100)
    _read(broker, "executor", 10)
    _read(broker, "executor", 80, ack=False)
    _trim(bench, broker)
    assert _held(bench)[0] == 10


def test_a_group_that_is_yet_to_come_holds_everything(bench, broker) -> None:
    _fill(bench, broker, ("features",))
    _read(broker, "features", 100)
    _trim(bench, broker)
    assert _held(bench)[0] == 0


def test_a_stranger_among_the_groups_counts_too(bench, broker) -> None:
    _fill(bench, broker, ("features", "executor", "recorder"))
    for group in ("features", "executor"):
        _read(broker, group, 100)
    _read(broker, "recorder", 55)
    _trim(bench, broker)
    assert _held(bench)[0] == 54


def test_what_is_to_be_folded_again_stays(bench, broker) -> None:
    _fill(bench, broker, ("executor",))
    _read(broker, "executor", 100)
    engine = bench.start(bench.chained(every=1000), trimming=POLICY)
    bench.eventually(lambda: engine.counters["events"] == 100)
    bench.stop(engine)
    _trim(bench, broker)
    events = bench.ticks(190, ("nifty",))
    again = bench.start(bench.chained(every=1000), trimming=POLICY)
    bench.await_outputs(events)
    assert again.counters["caught_up"] > 0


def test_past_the_cap_it_is_told_before_anything_unread_goes(bench, broker) -> None:
    policy = TrimPolicy(keep=dict.fromkeys(RETENTION, 20), cap=50, turn_ms=1)
    _fill(bench, broker, ("features", "executor"))
    first = Trimmer(policy).trim(broker.shared(PLACE), Topic.CHAIN, PLACE)
    assert first is not None
    assert (first.unread, first.length) == (0, 100)
    (warning,) = read_stream(bench.url, Topic.ALERTS)
    assert isinstance(warning, Alert)
    assert warning.code == "stream_over_cap"
    bench.eventually(lambda: Trimmer(policy).trim(broker.shared(PLACE), Topic.CHAIN, PLACE) is not None)
    assert len(_held(bench)) == 50
    assert "50 entries were deleted" in str(list(read_stream(bench.url, Topic.ALERTS))[-1])


def test_two_replicas_do_not_take_the_same_turn(bench, broker) -> None:
    _fill(bench, broker, ("features",))
    trimmer = Trimmer(TrimPolicy(turn_ms=60_000))
    assert trimmer.trim(broker.shared(PLACE), Topic.CHAIN, PLACE) is not None
    assert trimmer.trim(broker.shared(PLACE), Topic.CHAIN, PLACE) is None


def test_dead_letters_are_never_trimmed(bench, broker) -> None:
    assert Trimmer(POLICY).trim(broker.shared(PLACE), Topic.DEAD, PLACE) is None


def test_a_running_engine_trims_and_goes_on_exactly(bench, broker) -> None:
    broker.shared(PLACE).call("XGROUP", "CREATE", KEY, "executor", "$", "MKSTREAM")
    events = bench.ticks(600, ("nifty",))
    engine = bench.start(trimming=TrimPolicy(keep={Topic.CHAIN: 20}, cap=100_000, turn_ms=50))
    with RedisPublisher(bench.url) as publisher:
        for start in range(0, 600, 50):
            publisher.publish(events[start : start + 50])
            bench.eventually(lambda start=start: engine.counters["events"] >= start + 50)
            _read(broker, "executor", 50)
            bench.eventually(lambda: not broker.shared(PLACE).call("EXISTS", stream_key(PLACE, "turn:chain")))
        bench.eventually(lambda: engine.counters["trimmed"] > 0)
    bench.await_outputs(events)
