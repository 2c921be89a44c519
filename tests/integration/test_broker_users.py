"""Every real service runs under its own user of the broker, writes what the topology says, and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic

import httpx
import pytest

from shared.errors import ConfigError
from shared.events import Header, ModelPublished, OfflineFinished, OfflineKind
from shared.events.topology import SERVICES, TOPICS, Topic, looked_at_by, produced_by
from shared.process import die_with_parent
from shared.streaming.connect import connect
from shared.streaming.redis.acl import LOADER, acl_users
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.keys import lease_key, state_key, stream_key
from shared.streaming.redis.users import reload_users, write_users
from tests.builders import SHORT_HOLDING, UNGATED, environ_of

pytestmark = pytest.mark.broker

TOKEN = "a-token-for-the-test"  # noqa: S105 - of a gateway that lives for one test
PARTITIONS = 4


class Guarded:
    """A broker whose users are those of a folder, as compose makes them."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def address(self, user: str) -> str:
        return f"redis://{user}@127.0.0.1:{self.port}/0"

    def url(self, user: str) -> str:
        password = (self.folder / user / "password").read_text().strip()
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/0"

    def call(self, user: str, *command: str) -> object:
        connection = Broker(self.url(user)).connect(0)
        try:
            return connection.call(*command)
        finally:
            connection.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    numbers = count()
    write_users(tmp_path / "users", lambda: f"password-{next(numbers)}")
    options = ("--aclfile", str(tmp_path / "users" / "server" / "users.acl"))
    with EmbeddedRedis(tmp_path / "broker", options=options) as broker:
        yield Guarded(tmp_path / "users", broker.port)


def eventually(condition: Callable[[], object], what: Callable[[], str], timeout_s: float = 150.0) -> None:
    """Wait until a condition holds; fail telling what is missing when it does not in time."""
    never, deadline = threading.Event(), monotonic() + timeout_s
    while not condition():
        assert monotonic() < deadline, what()
        never.wait(0.2)


@contextmanager
def processes(guarded: Guarded, folder: Path, gateway_port: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start every service of the topology as compose does: a user in the address, its password in a file."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ = clean | {
        **environ_of(**UNGATED, **SHORT_HOLDING),
        "THETAFLOW_INGEST_SOURCE": "synthetic",
        "THETAFLOW_INGEST_REPLAY_SPEED": "0",
        "THETAFLOW_EXECUTOR_DIRECTORY": str(folder / "audit"),
        "THETAFLOW_ALERTS_DIRECTORY": str(folder / "alerts"),
        "THETAFLOW_RECORDER_STORE": str(folder / "store"),
        "THETAFLOW_OFFLINE_STORE": str(folder / "store"),
        "THETAFLOW_OFFLINE_MODELS": str(folder / "models"),
        "THETAFLOW_TRAINER_MODELS": str(folder / "models"),
        "THETAFLOW_TRAINER_REPORT_EVERY": "1",
        "THETAFLOW_GATEWAY_PORT": str(gateway_port),
        "THETAFLOW_GATEWAY_CONTROL_TOKEN": TOKEN,
    }
    (folder / "models").mkdir()
    with ExitStack() as stack:
        running: dict[str, subprocess.Popen[bytes]] = {}
        # The source comes last, so that everybody is there when the day begins.
        for name in sorted((row.name for row in SERVICES), key=lambda name: name == "ingest"):
            module = "trading_system.offline" if name == "offline" else f"services.{name}"
            own = {
                "THETAFLOW_BROKER_URL": guarded.address(name),
                "THETAFLOW_BROKER_PASSWORD_FILE": str(guarded.folder / name / "password"),
            }
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            running[name] = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", module],
                    env=environ | own,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, no lock taken
                )
            )
            stack.callback(running[name].terminate)
        yield running


def test_every_service_does_its_work_as_its_own_user(guarded: Guarded, tmp_path: Path, free_port: int) -> None:
    def seen() -> set[Topic]:
        with connect(guarded.url("reader"), PARTITIONS) as client:
            return {stream.topic for stream in client.report().streams if stream.length}

    def owners() -> set[str]:
        with connect(guarded.url("reader"), PARTITIONS) as client:
            return {lease.group for lease in client.report().leases if lease.owner}

    def told() -> str:
        logs = "\n".join(f"{file.name}: {file.read_text()[-800:]}" for file in tmp_path.glob("*.log"))
        return f"on the broker {sorted(seen())}\n{logs}"

    with processes(guarded, tmp_path, free_port) as running:
        handlers = {row.name for row in SERVICES if row.handles}
        eventually(lambda: owners() == handlers, told)
        decided = set(Topic) - {Topic.CONTROL, Topic.MODELS, Topic.OFFLINE, Topic.DEAD}
        eventually(lambda: decided <= seen(), told)
        # What takes forty trades or an operator is published by the same code under the same users.
        command = {"kind": "reduce", "operator": "asha", "reason": "drill"}
        answer = httpx.post(
            f"http://127.0.0.1:{free_port}/api/control", json=command, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert answer.status_code == 202
        with connect(guarded.url("trainer"), PARTITIONS).publisher("models") as publisher:
            publisher.publish([_model()])
        with connect(guarded.url("offline"), PARTITIONS).publisher("offline") as publisher:
            publisher.publish([_finished()])
        eventually(lambda: set(Topic) - {Topic.DEAD} <= seen(), told)
        assert {name: process.poll() for name, process in running.items()} == dict.fromkeys(running), told()
        assert (tmp_path / "store").is_dir()
    for file in tmp_path.glob("*.log"):
        text = file.read_text()
        assert "rights that suffice" not in text, f"{file.name}: {text[-2000:]}"
        assert "NOPERM" not in text, f"{file.name}: {text[-2000:]}"


@pytest.mark.parametrize("name", [row.name for row in SERVICES])
def test_a_service_is_refused_what_the_topology_does_not_give_it(guarded: Guarded, name: str) -> None:
    def refused(*command: str) -> None:
        with pytest.raises(ConfigError, match="rights"):
            guarded.call(name, *command)

    guarded.call("operator", "XADD", stream_key(0, Topic.CHAIN), "*", "a", "b")
    (row,) = (row for row in SERVICES if row.name == name)
    written = produced_by(name)
    for topic in set(Topic) - set(written):
        refused("XADD", stream_key(0, topic), "*", "a", "b")
        refused("EVAL", "return redis.call('XADD', KEYS[1], '*', 'a', 'b')", "1", stream_key(0, topic))
    for topic in written:
        guarded.call(name, "XADD", stream_key(0, topic), "*", "a", "b")
        refused("DEL", stream_key(0, topic))
        refused("XDEL", stream_key(0, topic), "1-1")
    read = {line.topic for line in TOPICS if name in line.readers} | set(looked_at_by(row)) | set(written)
    for topic in Topic:
        if topic in read:
            guarded.call(name, "XRANGE", stream_key(0, topic), "-", "+")
        else:
            refused("XRANGE", stream_key(0, topic), "-", "+")
    for other in {other.name for other in SERVICES} - {name}:
        refused("SET", lease_key(0, other), "mine")
        refused("HSET", state_key(0, other), "nifty", "mine")
    refused("FLUSHALL")
    refused("CONFIG", "SET", "maxmemory", "1")
    refused("ACL", "LIST")
    refused("KEYS", "*")


def test_the_reader_looks_at_everything_and_writes_nothing(guarded: Guarded) -> None:
    guarded.call("operator", "XADD", stream_key(0, Topic.ORDERS), "*", "a", "b")
    assert guarded.call("reader", "XLEN", stream_key(0, Topic.ORDERS)) == 1
    assert guarded.call("reader", "SCAN", "0", "MATCH", "{*")
    for topic in Topic:
        with pytest.raises(ConfigError, match="rights"):
            guarded.call("reader", "XADD", stream_key(0, topic), "*", "a", "b")
        with pytest.raises(ConfigError, match="rights"):
            guarded.call("reader", "DEL", stream_key(0, topic))


def test_without_a_name_nobody_gets_in(guarded: Guarded) -> None:
    with pytest.raises(ConfigError, match="rights"):
        Broker(f"redis://127.0.0.1:{guarded.port}/0").connect(0).call("XLEN", stream_key(0, Topic.ORDERS))


def test_passwords_stay_and_a_new_user_gets_in_without_a_restart(guarded: Guarded) -> None:
    users = guarded.folder
    before = {user: (users / user / "password").read_text() for user in acl_users()}
    assert len(set(before.values())) == len(before)
    assert not write_users(users, lambda: "another")
    (users / "recorder" / "password").unlink()
    assert write_users(users, lambda: "a-new-one")
    after = {user: (users / user / "password").read_text() for user in acl_users()}
    assert {user for user in after if after[user] != before[user]} == {"recorder"}
    with pytest.raises(ConfigError):
        guarded.call("recorder", "PING")
    assert reload_users(guarded.url(LOADER))
    assert guarded.call("recorder", "PING") == b"PONG"


def test_redis_cli_in_the_server_s_container_logs_in_as_the_reader(guarded: Guarded, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "redis-cli").write_text('#!/bin/sh\necho "$REDISCLI_AUTH|$*"\n')
    (real / "redis-cli").chmod(0o755)
    place = guarded.folder / "server" / "bin"

    def said(*arguments: str) -> str:
        path = f"{place}:{real}:/usr/bin:/bin"
        done = subprocess.run(
            [place / "redis-cli", *arguments], env={"PATH": path}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    password = (guarded.folder / "reader" / "password").read_text().strip()
    assert said("XLEN", "{0}:orders") == f"{password}|--user reader XLEN {{0}}:orders"
    assert said("--user", "operator", "PING") == "|--user operator PING"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _model() -> ModelPublished:
    return ModelPublished(
        header=Header.root(book="nifty", ts=1, seq=0, producer="trainer", suffix="challenger-test"),
        model_version="0" * 32,
        schema_id="none",
        verdict="rejected",
        role="challenger",
        metrics={},
        effective_ts=0,
    )


def _finished() -> OfflineFinished:
    return OfflineFinished(
        header=Header.root(book="nifty", ts=1, seq=0, producer="offline", suffix="finished"),
        request_id="none",
        kind=OfflineKind.TRAINING_SET,
        artefact=None,
        problem="a drill",
    )
