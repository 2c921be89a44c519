"""The report says what is there: streams, groups, leases, replicas, dead letters."""

from __future__ import annotations

from shared.events.topology import Topic, partition_of
from shared.streaming.protocol.reports import GroupReport
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.publisher import RedisPublisher

PLACE = partition_of("nifty", 4)


def test_an_empty_broker_has_a_report(bench) -> None:
    report = inspect_broker(bench.url)
    assert report.time_ms > 1_600_000_000_000
    assert len(report.streams) == 4 * len(Topic)
    assert not report.groups
    assert report.dead == (0, 0, 0, 0)
    assert not any(lease.owner for lease in report.leases)


def test_a_running_service_shows_in_every_part(bench) -> None:
    engine = bench.start(bench.chained(poison=(2,)), replica="anna")
    events = bench.ticks(10, ("nifty",))
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events)
    bench.eventually(lambda: engine.counters["events"] == 10 and engine.ready)
    report = inspect_broker(bench.url)
    (chain,) = (stream for stream in report.streams if stream.topic is Topic.CHAIN and stream.length)
    assert (chain.partition, chain.length, chain.last_event) == (PLACE, 10, events[-1].header.id)
    assert (chain.last_type, chain.last_ts) == ("ClockTick", events[-1].header.ts)
    (group,) = (group for group in report.groups if group.partition == PLACE)
    assert (group.group, group.lag, group.pending, group.oldest_pending_ms) == ("features", 0, 0, None)
    leases = [lease for lease in report.leases if lease.owner]
    assert {lease.partition for lease in leases} == {0, 1, 2, 3}
    assert all(lease.owner and lease.owner.startswith("anna.") and lease.expires_ms for lease in leases)
    assert len(report.members["features"]) == 1
    assert sum(report.dead) == 1


def test_work_in_hand_shows_as_pending_and_lag(bench) -> None:
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(bench.ticks(10, ("nifty",)))

    seen: list[GroupReport] = []

    def look(point: str, partition: int) -> None:
        if point == "read" and not seen:
            (group,) = (each for each in inspect_broker(bench.url).groups if each.partition == partition)
            seen.append(group)

    engine = bench.start(fault=look, batch=4)
    bench.eventually(lambda: engine.counters["events"] == 10)
    assert (seen[0].pending, seen[0].lag) == (4, 6)
    assert seen[0].oldest_pending_ms is not None
