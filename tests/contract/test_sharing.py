"""Replicas share the partitions, give them up in good order, and take over what a dead one left."""

from __future__ import annotations

import pytest

from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.publisher import RedisPublisher


class KillNow:
    """Kills the engine at its next point once armed."""

    def __init__(self, kill: type[BaseException]) -> None:
        self.armed = False
        self._kill = kill

    def __call__(self, *_: object) -> None:
        if self.armed:
            raise self._kill


def _owned(*engines: RedisEngine) -> list[int]:
    return sorted(partition for engine in engines for partition in engine.owned)


def test_replicas_share_fairly_and_books_are_served_throughout(bench) -> None:
    books = tuple(f"book{number}" for number in range(12))
    events = bench.ticks(600, books)
    with RedisPublisher(bench.url) as publisher:
        first = bench.start(replica="a")
        publisher.publish(events[:200])
        second, third = bench.start(replica="b"), bench.start(replica="c")
        publisher.publish(events[200:300])
        bench.eventually(lambda: sorted(len(each.owned) for each in (first, second, third)) == [1, 1, 2])
        publisher.publish(events[300:400])
        bench.eventually(lambda: _owned(first, second, third) == [0, 1, 2, 3])
        bench.stop(second)
        publisher.publish(events[400:500])
        bench.stop(third)
        publisher.publish(events[500:])
        bench.eventually(lambda: _owned(first) == [0, 1, 2, 3])
    bench.await_outputs(events)


def test_a_killed_replicas_books_are_taken_over_within_a_lease_and_a_beat(bench, killed) -> None:
    events = bench.ticks(200)
    fault = KillNow(killed)
    with RedisPublisher(bench.url) as publisher:
        dying = bench.start(replica="a", fault=fault)
        staying = bench.start(replica="b")
        bench.eventually(lambda: len(dying.owned) == 2 and len(staying.owned) == 2)
        publisher.publish(events[:100])
        fault.armed = True
        publisher.publish(events[100:])
        bench.join(dying)
        bench.eventually(lambda: len(staying.owned) == 4, 5.0)
    bench.await_outputs(events)
    assert staying.counters["takeovers"] >= 2


def test_more_replicas_than_partitions_leave_some_in_reserve(bench) -> None:
    engines = [bench.start(replica=str(number)) for number in range(6)]
    bench.eventually(lambda: sorted(len(engine.owned) for engine in engines) == [0, 0, 1, 1, 1, 1])
    bench.eventually(lambda: all(engine.ready for engine in engines))


def test_stopping_is_quick_and_leaves_nothing_behind(bench) -> None:
    events = bench.ticks(400)
    engine = bench.start()
    bench.eventually(lambda: engine.ready)
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events)
    assert bench.stop(engine) < 2.0
    report = inspect_broker(bench.url)
    assert not any(lease.owner for lease in report.leases)
    assert report.members["features"] == ()
    assert not any(group.pending for group in report.groups)
    bench.start()
    bench.await_outputs(events)


def test_two_processes_of_one_name_are_two_owners(bench) -> None:
    first, second = bench.start(replica="same"), bench.start(replica="same")
    bench.eventually(lambda: _owned(first, second) == [0, 1, 2, 3] and len(first.owned) == 2)


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_the_fencing_token_grows_with_every_owner(bench, order: tuple[str, str]) -> None:
    tokens = []
    for replica in order:
        engine = bench.start(replica=replica)
        bench.eventually(lambda engine=engine: engine.ready)
        tokens.append([lease.token for lease in inspect_broker(bench.url).leases if lease.group == "features"])
        bench.stop(engine)
    assert tokens == [[1, 1, 1, 1], [2, 2, 2, 2]]
