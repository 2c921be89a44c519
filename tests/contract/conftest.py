"""Brokers for the contract: one server, and a cluster of three, both real."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic

import pytest
import redis

from shared.streaming.broker import EmbeddedBroker

_CLUSTER_BUS = 10_000
_SLOTS = 16_384


def eventually(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, f"not within {timeout_s:g} s"
        pause.wait(0.005)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One server."""
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedBroker, ...]]:
    """Three servers that share the slots."""
    with ExitStack() as stack:
        nodes = tuple(
            stack.enter_context(
                EmbeddedBroker(
                    tmp_path_factory.mktemp(f"node{number}"),
                    port=_port_with_bus(),
                    options=("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"),
                )
            )
            for number in range(3)
        )
        clients = [redis.Redis(port=node.port) for node in nodes]
        for number, client in enumerate(clients):
            first, last = _SLOTS * number // 3, _SLOTS * (number + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        for client in clients:
            eventually(lambda client=client: client.cluster("INFO")["cluster_state"] == "ok")
            eventually(lambda client=client: client.cluster("INFO")["cluster_known_nodes"] == "3")
            client.close()
        yield nodes


@pytest.fixture
def server_url(server: EmbeddedBroker) -> str:
    """URL of the one server, empty."""
    _flush(server)
    return server.url


@pytest.fixture
def cluster_url(cluster: tuple[EmbeddedBroker, ...]) -> str:
    """URL of the cluster, empty."""
    for node in cluster:
        _flush(node)
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in cluster)


@pytest.fixture(params=["server", "cluster"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """URL of each kind of broker in turn, empty."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _flush(broker: EmbeddedBroker) -> None:
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
