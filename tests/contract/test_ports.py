"""What reads and writes beside an engine: history, following, retention hold, checkpoints, memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.events import ClockTick
from shared.events.topology import Topic, partition_of
from shared.streaming.connect import connect
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.redis.broker import Broker

COUNT = 40


@pytest.fixture
def client(bench) -> Iterator[BrokerClient]:
    with connect(bench.url) as opened:
        with opened.publisher("ingest") as publisher:
            publisher.publish(bench.ticks(COUNT, ("nifty",)))
        yield opened


@pytest.fixture
def partition() -> int:
    return partition_of("nifty", 4)


def sequences(entries) -> list[int]:
    return [entry.event().header.seq for entry in entries]


def test_history_gives_the_same_entries_forward_and_backward_whatever_the_page(client, partition):
    history = client.history()
    forward = sequences(history.forward(Topic.CHAIN, partition, page=7))
    assert len(forward) == COUNT
    assert forward == sequences(history.backward(Topic.CHAIN, partition, page=9))[::-1]
    assert sequences(history.newest(Topic.CHAIN, partition, 3)) == forward[:-4:-1]


def test_a_stored_position_goes_on_after_its_entry_and_a_moment_with_it(client, partition):
    history = client.history()
    entries = list(history.forward(Topic.CHAIN, partition))
    assert list(history.forward(Topic.CHAIN, partition, after=entries[9].position)) == entries[10:]
    moment = entries[9].order[0]
    assert list(history.forward(Topic.CHAIN, partition, since_ms=moment)) == [
        e for e in entries if e.order[0] >= moment
    ]
    assert (
        list(history.backward(Topic.CHAIN, partition, until_ms=moment))
        == [e for e in entries if e.order[0] <= moment][::-1]
    )


def test_the_newest_of_a_kind_is_of_the_book_asked_for(client, partition):
    newest = client.history().newest_of(ClockTick, "nifty")
    assert newest is not None
    assert newest.header.seq == max(sequences(client.history().forward(Topic.CHAIN, partition)))
    assert client.history().newest_of(ClockTick, "another") is None


def test_following_gives_every_entry_once(client, partition):
    following = client.following({Topic.CHAIN: 16}, {})
    assert not following.started(partition)
    following.start(partition, {Topic.CHAIN: None})
    sizes = [len(following.read(partition).get(Topic.CHAIN, ())) for _ in range(4)]
    assert sizes == [16, 16, 8, 0]
    assert not following.is_replaced(partition)


def test_following_notices_that_a_topic_was_emptied(client, bench, partition):
    following = client.following({Topic.CHAIN: COUNT}, {})
    following.start(partition, {Topic.CHAIN: None})
    following.read(partition)
    Broker(bench.url).connect(partition).call("FLUSHALL")
    assert following.is_replaced(partition)
    assert not following.started(partition)


def test_following_skips_a_burst_up_to_its_newest(client, partition):
    following = client.following({}, {Topic.CHAIN: 16})
    following.start(partition, {Topic.CHAIN: None})
    newest = client.history().newest(Topic.CHAIN, partition, 16)[::-1]
    assert list(following.read(partition)[Topic.CHAIN]) == newest
    assert not following.read(partition)


def test_memory_keeps_the_last_value_of_each_name_and_book(client):
    mine, other = client.memory("ingest", "nifty"), client.memory("ingest", "banknifty")
    assert mine.load("live") is None
    mine.save("live", b"one")
    mine.save("live", b"\x00\xfftwo")
    assert mine.load("live") == b"\x00\xfftwo"
    assert other.load("live") is None


def test_a_hold_shows_as_a_group_that_stands_where_it_was_moved(client, partition):
    hold = client.retention_hold("archive")
    entries = list(client.history().forward(Topic.CHAIN, partition))
    hold.move(Topic.CHAIN, partition, None)
    hold.move(Topic.CHAIN, partition, entries[4].position)
    (group,) = [one for one in client.report().groups if one.group == "archive"]
    assert (group.last_delivered, group.lag) == (entries[4].position, COUNT - 5)


def test_there_is_no_checkpoint_before_the_first_commit(client):
    assert client.states().checkpoint("executor", "nifty") is None


def test_a_reset_client_connects_again(client):
    client.ping()
    client.reset()
    client.ping()
