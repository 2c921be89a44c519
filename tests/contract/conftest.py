"""Brokers for the contract: one server, and a cluster of three, both real."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import redis

from shared.events import Alert, ClockTick, Event, Header, Severity
from shared.events.topology import Topic
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.handler import Service
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.trimming import TrimPolicy

_CLUSTER_BUS = 10_000
_SLOTS = 16_384


def eventually(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, f"not within {timeout_s:g} s"
        pause.wait(0.005)


class Chained:
    """Puts a hash over all it saw into one alert per event; fails on the sequence numbers it is told to."""

    def __init__(self, poison: Sequence[int] = ()) -> None:
        self._poison = tuple(poison)
        self._digest = ""

    def handle(self, event: Event) -> Sequence[Event]:
        if event.header.seq in self._poison:
            raise ArithmeticError(f"poison {event.header.seq}")
        self._digest = blake2b(f"{self._digest}|{event.header.id}".encode(), digest_size=8).hexdigest()
        header = event.header.child("features")
        return [Alert(header=header, severity=Severity.INFO, code="chained", text=self._digest)]

    def checkpoint(self) -> bytes:
        return self._digest.encode()

    def restore(self, state: bytes) -> None:
        if not state.isalnum():
            raise ValueError(f"expected a hash, got {state!r}")
        self._digest = state.decode()


def chained(every: int = 1, poison: Sequence[int] = ()) -> Service:
    """Make the service of `Chained` handlers."""
    return Service("features", lambda _: Chained(poison), (Topic.CHAIN,), every)


def ticks(count: int, books: Sequence[str] = ("nifty", "sensex", "bankex", "finnifty"), start: int = 0) -> list[Event]:
    """Make market ticks, one book after the other."""
    return [
        ClockTick(
            header=Header.root(
                book=books[number % len(books)],
                ts=(number + 1) * 1_000_000_000,
                seq=number,
                producer="ingest",
                suffix="tick",
            )
        )
        for number in range(start, start + count)
    ]


class Bench:
    """What a test does with a broker.

    Args:
        url: of the broker.
    """

    ticks = staticmethod(ticks)
    chained = staticmethod(chained)
    eventually = staticmethod(eventually)

    def __init__(self, url: str) -> None:
        self.url = url
        self._running: list[tuple[RedisEngine, threading.Thread]] = []

    def engine(
        self,
        service: Service | None = None,
        *,
        replica: str = "one",
        partitions: int = 4,
        lease_ms: int = 600,
        batch: int = 256,
        chunk: int = 64,
        trimming: TrimPolicy | None = None,
        fault: Callable[[str, int], None] | None = None,
    ) -> RedisEngine:
        """Make an engine that is quick to notice."""
        return RedisEngine(
            service or chained(),
            self.url,
            partitions=partitions,
            replica=replica,
            lease_ms=lease_ms,
            block_ms=50,
            batch=batch,
            chunk=chunk,
            trimming=trimming,
            fault=fault,
        )

    def start(
        self,
        service: Service | None = None,
        *,
        replica: str = "one",
        lease_ms: int = 600,
        batch: int = 256,
        chunk: int = 64,
        trimming: TrimPolicy | None = None,
        fault: Callable[[str, int], None] | None = None,
    ) -> RedisEngine:
        """Start an engine in a thread; `Killed` in its fault hook ends it as a kill would."""
        engine = self.engine(
            service, replica=replica, lease_ms=lease_ms, batch=batch, chunk=chunk, trimming=trimming, fault=fault
        )
        thread = threading.Thread(target=self._run, args=(engine,))
        thread.start()
        self._running.append((engine, thread))
        return engine

    def join(self, engine: RedisEngine, timeout_s: float = 10.0) -> None:
        """Wait for an engine to end."""
        for running, thread in self._running:
            if running is engine:
                thread.join(timeout_s)
                assert not thread.is_alive()

    def stop(self, engine: RedisEngine) -> float:
        """Stop an engine; give the seconds it took."""
        begun = monotonic()
        engine.stop()
        self.join(engine)
        return monotonic() - begun

    def close(self) -> None:
        for engine, _ in self._running:
            engine.stop()
        for engine, _ in self._running:
            self.join(engine)

    def alerts(self) -> dict[str, list[Event]]:
        """Give what the services made, by book."""
        return by_book(event for event in read_stream(self.url, Topic.ALERTS) if isinstance(event, Alert))

    @staticmethod
    def expected(events: Iterable[Event], service: Service | None = None) -> dict[str, list[Event]]:
        """Give what they had to make."""
        seen: list[Event] = []
        MemoryEngine([service or chained()], observer=seen.append).publish(events)
        return by_book(event for event in seen if isinstance(event, Alert))

    def await_outputs(self, events: Iterable[Event], service: Service | None = None) -> None:
        """Wait until all is made, and hold it against what had to be."""
        want = self.expected(events, service)
        count = sum(map(len, want.values()))
        eventually(lambda: sum(map(len, self.alerts().values())) >= count)
        assert self.alerts() == want

    @staticmethod
    def _run(engine: RedisEngine) -> None:
        with suppress(Killed):
            engine.run()


class Killed(BaseException):
    """Ends an engine on the spot, as kill -9 would: nothing is released."""


def by_book(events: Iterable[Event]) -> dict[str, list[Event]]:
    books: dict[str, list[Event]] = {}
    for event in events:
        books.setdefault(event.header.book, []).append(event)
    return books


@pytest.fixture
def killed() -> type[BaseException]:
    """What a fault hook raises to kill its engine."""
    return Killed


@pytest.fixture
def bench(broker_url: str) -> Iterator[Bench]:
    """Each kind of broker in turn, with engines that end with the test."""
    bench = Bench(broker_url)
    yield bench
    bench.close()


@pytest.fixture
def bench_at() -> Iterator[Callable[[str], Bench]]:
    """Make benches on any URL, with engines that end with the test."""
    made: list[Bench] = []

    def make(url: str) -> Bench:
        made.append(Bench(url))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def server_bench(server_url: str) -> Iterator[Bench]:
    """One server, with engines that end with the test."""
    bench = Bench(server_url)
    yield bench
    bench.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One server."""
    with EmbeddedRedis(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@contextmanager
def cluster_of_three(folder: Path) -> Iterator[tuple[EmbeddedRedis, ...]]:
    """Start three servers that share the slots and keep what they hold over a restart."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no")
    with ExitStack() as stack:
        nodes = tuple(
            stack.enter_context(
                EmbeddedRedis(folder / f"node{number}", port=_port_with_bus(), appendonly=True, options=options)
            )
            for number in range(3)
        )
        clients: list[Any] = [redis.Redis(port=node.port) for node in nodes]  # redis-py has no type for a raw command
        for number, client in enumerate(clients):
            first, last = _SLOTS * number // 3, _SLOTS * (number + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        for client in clients:
            eventually(partial(_says, client, "cluster_slots_ok", str(_SLOTS)))
            eventually(partial(_says, client, "cluster_state", "ok"))
            client.close()
        yield nodes


def _says(client: redis.Redis, key: str, value: str) -> bool:
    about: dict[str, str] = client.cluster("INFO")
    return about[key] == value


def cluster_address(nodes: Sequence[EmbeddedRedis]) -> str:
    """Give the URL of a cluster."""
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[tuple[str, tuple[EmbeddedRedis, ...]]]:
    """Start a cluster to break: its URL and its servers."""
    with cluster_of_three(tmp_path) as nodes:
        yield cluster_address(nodes), nodes


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedRedis, ...]]:
    """Three servers that share the slots."""
    with cluster_of_three(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
def server_url(server: EmbeddedRedis) -> str:
    """URL of the one server, empty."""
    _flush(server)
    return server.url


@pytest.fixture
def cluster_url(cluster: tuple[EmbeddedRedis, ...]) -> str:
    """URL of the cluster, empty."""
    for node in cluster:
        _flush(node)
    return cluster_address(cluster)


@pytest.fixture(params=["server", "cluster"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """URL of each kind of broker in turn, empty."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _flush(broker: EmbeddedRedis) -> None:
    with redis.Redis(port=broker.port) as client:
        client.flushall()


def _port_with_bus() -> int:
    # The cluster bus takes the port 10,000 above, which must exist too.
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 65_000 - _CLUSTER_BUS:
            return port
