"""Events from outside enter once, never go back, and wait when the pipeline is behind."""

from __future__ import annotations

import pytest

from shared.errors import PipelineBehindError
from shared.events import Command, CommandKind, Header
from shared.events.topology import DECISION_GROUPS, SERVICE_INPUTS, Topic
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.lockstep import RedisLockstep
from shared.streaming.redis.publisher import RedisPublisher


def _command(ts: int, event_id: str) -> Command:
    header = Header(id=event_id, ts=ts, book="nifty", seq=0, producer="gateway", traceparent="")
    return Command(header=header, kind=CommandKind.HALT, operator="anna", reason="test")


class TestOnce:
    def test_publishing_again_changes_nothing(self, bench) -> None:
        events = bench.ticks(100)
        with RedisPublisher(bench.url) as publisher:
            assert publisher.publish(events).count == 100
            again = publisher.publish(events)
        assert (again.count, again.repeated + len(again.refused)) == (0, 100)
        assert len(list(read_stream(bench.url, Topic.CHAIN))) == 100

    def test_a_restarted_source_knows_where_it_stood(self, bench) -> None:
        events = bench.ticks(60)
        with RedisPublisher(bench.url) as publisher:
            assert publisher.last("nifty") is None
            publisher.publish(events[:40])
        with RedisPublisher(bench.url) as publisher:
            last = publisher.last("nifty")
            assert last is not None
            newest = [event for event in events[:40] if event.header.book == "nifty"][-1].header
            assert (last.ts, last.seq, last.ids[-1]) == (newest.ts, newest.seq, newest.id)
            assert publisher.publish(events[30:]).count == 20
        published = [event.header.id for event in read_stream(bench.url, Topic.CHAIN)]
        assert sorted(published) == sorted(event.header.id for event in events)

    def test_what_is_older_than_the_newest_is_refused_and_handed_back(self, bench) -> None:
        events = bench.ticks(200, ("nifty",))
        with RedisPublisher(bench.url) as publisher:
            publisher.publish(events[100:])
            late = publisher.publish(events[:10])
        assert late.count == 0
        assert list(late.refused) == events[:10]

    def test_a_cut_connection_doubles_nothing(self, bench) -> None:
        events = bench.ticks(200)
        broker = Broker(bench.url)
        with RedisPublisher(bench.url) as publisher:
            for start in range(0, 200, 20):
                publisher.publish(events[start : start + 20])
                for partition in range(4):
                    broker.shared(partition).call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        broker.close()
        published = [event.header.id for event in read_stream(bench.url, Topic.CHAIN)]
        assert sorted(published) == sorted(event.header.id for event in events)

    def test_commands_need_no_order_but_are_not_doubled(self, bench) -> None:
        with RedisPublisher(bench.url, producer="gateway") as publisher:
            result = publisher.publish([_command(5, "late"), _command(3, "early"), _command(5, "late")])
        assert (result.count, result.repeated) == (2, 1)


class TestWindow:
    def test_a_group_too_far_behind_is_named(self, bench) -> None:
        with RedisPublisher(bench.url, window=40, patience_s=0.2) as publisher:
            publisher.publish(bench.ticks(40, ("nifty",)))
            with pytest.raises(PipelineBehindError, match="at most 40") as caught:
                publisher.publish(bench.ticks(10, ("nifty",), start=40))
        assert caught.value.group in DECISION_GROUPS

    def test_publishing_goes_on_when_it_has_caught_up(self, bench) -> None:
        executor = bench.chained()
        object.__setattr__(executor, "name", "executor")
        bench.start()
        bench.start(executor)
        events = bench.ticks(400, ("nifty",))
        with RedisPublisher(bench.url, window=50, patience_s=10) as publisher:
            for start in range(0, 400, 25):
                publisher.publish(events[start : start + 25])
        assert len(list(read_stream(bench.url, Topic.CHAIN))) == 400


class TestLockstep:
    def _groups(self, url: str) -> Broker:
        broker = Broker(url)
        for group in DECISION_GROUPS:
            for topic in SERVICE_INPUTS[group]:
                for partition in range(4):
                    key = stream_key(partition, topic)
                    broker.shared(partition).call("XGROUP", "CREATE", key, group, "0", "MKSTREAM")
        return broker

    def _finish(self, broker: Broker, group: str, count: int = 1000) -> None:
        for partition in range(4):
            for topic in SERVICE_INPUTS[group]:
                key = stream_key(partition, topic)
                link = broker.shared(partition)
                for _, entries in (
                    link.call("XREADGROUP", "GROUP", group, "x", "COUNT", count, "STREAMS", key, ">") or ()
                ):
                    link.call("XACK", key, group, *(entry[0] for entry in entries))

    def test_an_empty_broker_is_at_rest(self, bench) -> None:
        with RedisLockstep(bench.url) as lockstep:
            lockstep.wait("nifty", 0.1)

    def test_the_group_that_is_behind_is_named(self, bench) -> None:
        broker = self._groups(bench.url)
        with RedisPublisher(bench.url) as publisher, RedisLockstep(bench.url) as lockstep:
            publisher.publish(bench.ticks(8))
            with pytest.raises(PipelineBehindError, match="features"):
                lockstep.wait("nifty", 0.05)
            self._finish(broker, "features")
            with pytest.raises(PipelineBehindError) as caught:
                lockstep.wait("nifty", 0.05)
            assert caught.value.group == "executor"
            self._finish(broker, "executor")
            lockstep.wait("nifty", 0.05)
        broker.close()

    def test_pending_entries_are_unfinished_work(self, bench) -> None:
        broker = self._groups(bench.url)
        with RedisPublisher(bench.url) as publisher, RedisLockstep(bench.url) as lockstep:
            publisher.publish(bench.ticks(4))
            self._finish(broker, "features")
            for partition in range(4):
                key = stream_key(partition, Topic.CHAIN)
                broker.shared(partition).call("XREADGROUP", "GROUP", "executor", "x", "STREAMS", key, ">")
            with pytest.raises(PipelineBehindError, match=r"with \d pending"):
                lockstep.wait("nifty", 0.05)
        broker.close()

    def test_a_group_that_does_not_exist_is_behind(self, bench) -> None:
        with RedisPublisher(bench.url) as publisher, RedisLockstep(bench.url) as lockstep:
            publisher.publish(bench.ticks(4))
            with pytest.raises(PipelineBehindError, match="no group"):
                lockstep.wait("nifty", 0.05)

    def test_deleted_entries_at_the_end_do_not_hold_it_up(self, bench) -> None:
        broker = self._groups(bench.url)
        events = bench.ticks(3, ("nifty",))
        with RedisPublisher(bench.url) as publisher, RedisLockstep(bench.url) as lockstep:
            publisher.publish(events)
            self._finish(broker, "features")
            self._finish(broker, "executor")
            for partition in range(4):
                key = stream_key(partition, Topic.CHAIN)
                for entry in broker.shared(partition).call("XREVRANGE", key, "+", "-", "COUNT", 1):
                    broker.shared(partition).call("XDEL", key, entry[0])
            lockstep.wait("nifty", 0.05)
        broker.close()
