"""What cannot be handled is kept whole, told of, and can be put back."""

from __future__ import annotations

import pytest

from shared.errors import BadInputError
from shared.events import DeadLetter
from shared.events.topology import Topic, partition_of
from shared.streaming.protocol.codec import encode
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.dead_letters import RedisDeadLetters
from shared.streaming.redis.entries import fields_from_text
from shared.streaming.redis.history import read_entries, read_stream
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.publisher import RedisPublisher
from tests.contract.conftest import Bench

PLACE = partition_of("nifty", 4)


def _wire(bench) -> dict[bytes, bytes]:
    flat = encode(bench.ticks(1, ("nifty",))[0])
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _add(bench, fields: dict[bytes, bytes]) -> None:
    broker = Broker(bench.url)
    flat = [part for pair in fields.items() for part in pair]
    broker.shared(PLACE).call("XADD", stream_key(PLACE, Topic.CHAIN), "*", *flat)
    broker.close()


def _letters(bench) -> list[DeadLetter]:
    return [event for event in read_stream(bench.url, Topic.DEAD) if isinstance(event, DeadLetter)]


def test_an_entry_of_a_newer_version_waits_for_an_upgrade_and_what_came_before_is_done(bench) -> None:
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(bench.ticks(3, ("nifty",)))
    _add(bench, _wire(bench) | {b"v": b"99"})
    engine = bench.start()
    bench.eventually(lambda: engine.counters["newer"] >= 2)
    assert not _letters(bench)
    assert len(bench.alerts()["nifty"]) == 3
    behind = next(
        group for group in inspect_broker(bench.url, 4).groups if (group.partition, group.topic) == (PLACE, Topic.CHAIN)
    )
    assert behind.pending + behind.lag == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({b"type": b"Horoscope"}, "UnknownEventError"),
        ({b"v": b"0"}, "SchemaVersionError"),
        ({b"payload": b"{not json"}, "WireError"),
        ({b"payload": b"\xff\xfe\x00"}, "WireError"),
        ({b"id": b"\xff", b"ts": b"soon"}, ""),
    ],
)
def test_entries_that_are_no_events_are_kept_whole_and_the_rest_goes_on(bench, change, says: str) -> None:
    broken = _wire(bench) | change
    if says == "":
        broken.pop(b"payload")
    _add(bench, broken)
    events = bench.ticks(10, ("nifty",))
    bench.start()
    with RedisPublisher(bench.url) as publisher:
        publisher.publish(events)
    bench.eventually(lambda: len(bench.alerts().get("nifty", [])) >= 10)
    letters = _letters(bench)
    assert len(letters) == 1
    assert says in letters[0].error
    assert fields_from_text(letters[0].fields) == broken
    alerts = [event for each in bench.alerts().values() for event in each]
    assert sum(alert.code == "dead_letter" for alert in alerts) == 1


def test_an_entry_without_any_known_field_is_kept_too(bench) -> None:
    _add(bench, {b"hello": b"world"})
    bench.start()
    bench.eventually(lambda: len(_letters(bench)) == 1)
    assert _letters(bench)[0].fields == {"hello": "world"}


class TestReplay:
    def _one_dead(self, bench: Bench) -> None:
        engine = bench.start(bench.chained(poison=(3,)))
        with RedisPublisher(bench.url) as publisher:
            publisher.publish(bench.ticks(6, ("nifty",)))
        bench.eventually(lambda: len(_letters(bench)) == 1)
        bench.stop(engine)

    def test_a_replayed_entry_has_its_fields_and_is_handled_by_the_group_that_failed(self, bench) -> None:
        self._one_dead(bench)
        other = bench.chained()
        object.__setattr__(other, "name", "executor")
        bystander = bench.start(other)
        bench.eventually(lambda: bystander.counters["events"] == 6)
        with RedisDeadLetters(bench.url) as letters:
            (stored,) = letters
            assert letters.show(stored.reference) == stored.letter
            letters.replay(stored.reference)
            assert list(letters) == []
        broker = Broker(bench.url)
        *_, (_, fields) = read_entries(broker, Topic.CHAIN, PLACE)
        broker.close()
        assert fields == fields_from_text(stored.letter.fields) | {b"only": b"features"}
        mended = bench.start()
        bench.eventually(lambda: mended.counters["events"] == 1)
        bench.eventually(lambda: bystander.counters["passed_over"] == 1)
        assert mended.counters["passed_over"] == 0

    def test_it_is_replayed_once(self, bench) -> None:
        self._one_dead(bench)
        with RedisDeadLetters(bench.url) as letters:
            (stored,) = letters
            letters.replay(stored.reference)
            with pytest.raises(BadInputError, match="reference"):
                letters.replay(stored.reference)

    def test_a_dropped_letter_is_gone(self, bench) -> None:
        self._one_dead(bench)
        with RedisDeadLetters(bench.url) as letters:
            (stored,) = letters
            assert letters.drop(stored.reference)
            assert not letters.drop(stored.reference)
            with pytest.raises(BadInputError):
                letters.show(stored.reference)

    @pytest.mark.parametrize("reference", ["", "0", "0/x", "9/1-1", "0/1-1/2", "-1/1-1"])
    def test_a_reference_that_makes_no_sense_is_refused(self, server_bench, reference: str) -> None:
        with RedisDeadLetters(server_bench.url) as letters, pytest.raises(BadInputError):
            letters.show(reference)
