"""What every engine does with every handler: the same events in give the same events out.

An engine joins by a class with `run(services, events)` and its name in `ENGINES`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from random import Random
from typing import Protocol

import pytest

from shared.events import Alert, ClockTick, DeadLetter, Event, Header, ModelPublished, Severity
from shared.events.topology import TOPIC_OF, Topic
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.codec import encode
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.publisher import RedisPublisher

ENGINES = ("memory", "redis", "redis cluster")
OUTPUTS = (Topic.MODELS, Topic.ALERTS, Topic.DEAD)


class Engine(Protocol):
    """An engine under test."""

    def run(self, services: Sequence[Service], events: Sequence[Event]) -> list[Event]:
        """Feed events, wait until nothing is left to do, give what was made, each topic and book in order."""
        ...


class Memory:
    """The engine without a broker."""

    def run(self, services: Sequence[Service], events: Sequence[Event]) -> list[Event]:
        seen: list[Event] = []
        MemoryEngine(services, observer=seen.append).publish(events)
        return [event for event in seen if TOPIC_OF[type(event)] in OUTPUTS]


class OnRedis:
    """The engine on Redis Streams, one replica per service."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, services: Sequence[Service], events: Sequence[Event]) -> list[Event]:
        with ExitStack() as stack:
            publisher = stack.enter_context(RedisPublisher(self._url))
            for service in services:
                engine = RedisEngine(service, self._url, replica="one", lease_ms=2000, block_ms=50)
                stack.enter_context(_running(engine))
            publisher.publish(events)
            self._await_rest(services)
        return [event for topic in OUTPUTS for event in read_stream(self._url, topic)]

    def _await_rest(self, services: Sequence[Service]) -> None:
        broker = Broker(self._url)
        pause = threading.Event()
        for _ in range(4000):
            if all(_at_rest(broker, service) for service in services):
                broker.close()
                return
            pause.wait(0.005)
        pytest.fail("not at rest in 20 s")


@contextmanager
def _running(engine: RedisEngine) -> Iterator[None]:
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        yield
    finally:
        engine.stop()
        thread.join(10)
        assert not thread.is_alive()


def _at_rest(broker: Broker, service: Service) -> bool:
    for partition in range(4):
        for topic in service.inputs:
            link = broker.shared(partition)
            key = stream_key(partition, topic)
            newest = link.call("XREVRANGE", key, "+", "-", "COUNT", 1)
            if not newest:
                continue
            rows = [dict(zip(row[::2], row[1::2], strict=True)) for row in link.call("XINFO", "GROUPS", key)]
            mine = [row for row in rows if row[b"name"].decode() == service.name]
            if not mine or mine[0][b"pending"] or mine[0][b"last-delivered-id"] != newest[0][0]:
                return False
    return True


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    match request.param:
        case "memory":
            return Memory()
        case "redis":
            return OnRedis(request.getfixturevalue("server_url"))
        case _:
            return OnRedis(request.getfixturevalue("cluster_url"))


class Chained:
    """Hashes all it saw into all it makes; fails as told."""

    def __init__(self, group: str, fails: dict[int, int] | None = None) -> None:
        self._group = group
        self._fails = {} if fails is None else fails
        self._digest = ""
        self._count = 0

    def handle(self, event: Event) -> Sequence[Event]:
        self._count += 1  # Before the failure, so that an engine that does not undo it is found out.
        if self._fails.get(event.header.seq, 0) > 0:
            self._fails[event.header.seq] -= 1
            raise ArithmeticError(f"told to fail on {event.header.seq}")
        self._digest = blake2b(f"{self._digest}|{self._count}|{event.header.id}".encode(), digest_size=8).hexdigest()
        made = int(self._digest, 16) % 3
        return [self._make(event.header.child(self._group, index)) for index in range(made)]

    def _make(self, header: Header) -> Event:
        if self._group == "features":
            return ModelPublished(
                header=header,
                model_version=self._digest,
                schema_id=str(self._count),
                verdict="",
                role="",
                metrics={},
                effective_ts=0,
            )
        return Alert(header=header, severity=Severity.INFO, code=str(self._count), text=self._digest)

    def checkpoint(self) -> bytes:
        return json.dumps([self._digest, self._count]).encode()

    def restore(self, state: bytes) -> None:
        self._digest, self._count = json.loads(state)


def _ticks(count: int, books: Sequence[str] = ("nifty",)) -> list[Event]:
    return [
        ClockTick(
            header=Header.root(
                book=books[number % len(books)], ts=(number + 1) * 1_000_000_000, seq=number, producer="ingest"
            )
        )
        for number in range(count)
    ]


def _features(every: int = 1, fails: dict[int, int] | None = None) -> Service:
    return Service("features", lambda _: Chained("features", fails), (Topic.CHAIN,), every)


def _predictor() -> Service:
    return Service("predictor", lambda _: Chained("predictor"), (Topic.MODELS,))


def _by_book(events: Sequence[Event]) -> dict[tuple[str, ...], list[Event]]:
    lanes: dict[tuple[str, ...], list[Event]] = {}
    for event in events:
        # Two services that write to one topic are in no order to one another.
        lane = (TOPIC_OF[type(event)].value, event.header.book, event.header.producer)
        lanes.setdefault(lane, []).append(event)
    return lanes


class TestOrder:
    def test_outputs_follow_inputs_one_by_one(self, engine: Engine) -> None:
        made = engine.run([_features()], _ticks(300))
        assert made == Memory().run([_features()], _ticks(300))
        assert [event.header.seq for event in made] == sorted(event.header.seq for event in made)

    def test_every_book_has_its_own_handler(self, engine: Engine) -> None:
        books = ("nifty", "banknifty", "finnifty", "midcap", "sensex")
        together = _by_book(engine.run([_features()], _ticks(250, books)))
        for book in books:
            alone = [event for event in _ticks(250, books) if event.header.book == book]
            assert together["models", book, "features"] == Memory().run([_features()], alone)

    def test_services_feed_one_another(self, engine: Engine) -> None:
        books = tuple(f"book{number}" for number in range(6))
        made = engine.run([_features(every=7), _predictor()], _ticks(400, books))
        assert _by_book(made) == _by_book(Memory().run([_features(), _predictor()], _ticks(400, books)))

    @pytest.mark.parametrize("seed", range(3))
    def test_any_mixture_of_books_and_failures_gives_what_memory_gives(self, engine: Engine, seed: int) -> None:
        rng = Random(seed)
        books = [f"book{number}" for number in range(rng.randint(1, 9))]
        events = _ticks(rng.randint(50, 400), books)
        fails = {rng.randrange(len(events)): rng.randint(1, 4) for _ in range(8)}
        made = engine.run([_features(rng.randint(1, 60), dict(fails)), _predictor()], events)
        assert _plain(made) == _plain(Memory().run([_features(1, dict(fails)), _predictor()], events))


class TestFailures:
    def test_a_passing_failure_leaves_no_trace(self, engine: Engine) -> None:
        made = engine.run([_features(fails={3: 2, 7: 1})], _ticks(20))
        assert made == Memory().run([_features()], _ticks(20))

    def test_what_keeps_failing_goes_to_the_dead_letters_whole(self, engine: Engine) -> None:
        events = _ticks(20)
        made = engine.run([_features(fails={5: 99})], events)
        letters = [event for event in made if isinstance(event, DeadLetter)]
        assert len(letters) == 1
        wire = encode(events[5])
        assert letters[0].attempts == 3
        assert letters[0].group == "features"
        assert letters[0].topic == "chain"
        assert "told to fail on 5" in letters[0].error
        assert {key.encode(): value.encode() for key, value in letters[0].fields.items()} == dict(
            zip(wire[::2], wire[1::2], strict=True)
        )

    def test_a_dead_letter_is_told_of(self, engine: Engine) -> None:
        made = engine.run([_features(fails={5: 99})], _ticks(20))
        alerts = [event for event in made if isinstance(event, Alert)]
        assert [(alert.code, alert.severity) for alert in alerts] == [("dead_letter", Severity.CRITICAL)]

    def test_the_rest_goes_on_as_if_the_dead_one_had_never_come(self, engine: Engine) -> None:
        events = _ticks(20)
        made = [event for event in engine.run([_features(fails={5: 99})], events) if isinstance(event, ModelPublished)]
        assert made == Memory().run([_features()], [event for event in events if event.header.seq != 5])

    def test_one_books_failure_is_not_anothers(self, engine: Engine) -> None:
        events = _ticks(40, ("nifty", "sensex"))
        made = _by_book(engine.run([_features(fails={4: 99})], events))
        other = [event for event in events if event.header.book == "sensex"]
        assert made["models", "sensex", "features"] == Memory().run([_features()], other)


class TestRepeats:
    def test_the_same_events_give_the_same_ids_and_traces(self, engine: Engine) -> None:
        first = engine.run([_features()], _ticks(30))
        assert first == Memory().run([_features()], _ticks(30))
        assert len({event.header.id for event in first}) == len(first)


def _plain(events: Sequence[Event]) -> dict[tuple[str, ...], list[str]]:
    """Without what only a broker knows: where a dead entry lay."""
    return {
        lane: [repr((event.header, getattr(event, "fields", None) or event)) for event in lane_events]
        for lane, lane_events in _by_book(events).items()
    }
