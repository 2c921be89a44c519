"""The same engine over TLS, with rights per service, over a unix socket, and through a fail-over."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError
from shared.events.topology import DEFAULT_PARTITIONS, SERVICE_INPUTS, Topic, partition_of
from shared.streaming.redis.acl import acl_file
from shared.streaming.redis.broker import Broker, EmbeddedRedis
from shared.streaming.redis.embedded import find_server
from shared.streaming.redis.inspection import inspect_broker
from shared.streaming.redis.keys import position_key, state_key, stream_key
from shared.streaming.redis.publisher import RedisPublisher

SECRETS = {user: f"{user}-secret" for user in (*SERVICE_INPUTS, "ingest", "gateway", "operator")}


def servers() -> list[Path]:
    """Name every server there is: the wheel's Valkey, and the Redis of the distribution, which is what compose runs."""
    found = [find_server(), *(Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name)))]
    return list({path.resolve(): path for path in found}.values())


class TestRestart:
    """A server with users comes back with all it held. Redis 7.0 reads its append-only file as the user `default`."""

    @pytest.fixture(params=servers(), ids=lambda path: path.name)
    def broker(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedRedis]:
        """A durable server with the generated ACL file."""
        file = tmp_path / "users.acl"
        file.write_text(acl_file(SECRETS))
        options = ("--aclfile", str(file))
        with EmbeddedRedis(tmp_path / "broker", appendonly=True, program=request.param, options=options) as started:
            yield started

    @pytest.mark.parametrize("end", ["kill", "stop"])
    def test_what_was_published_and_committed_is_there_after_a_restart(self, broker, bench_at, end: str) -> None:
        def url_of(user: str) -> str:
            return f"redis://{user}:{SECRETS[user]}@127.0.0.1:{broker.port}/0"

        events = [*bench_at(url_of("operator")).ticks(40)]
        with RedisPublisher(url_of("ingest")) as publisher:
            publisher.publish(events)
        worker = bench_at(url_of("features"))
        engine = worker.start(worker.chained())
        bench_at(url_of("gateway")).await_outputs(events)
        worker.stop(engine)
        before = contents(url_of("operator"))
        assert before is not None
        assert sum(len(held) for held in before.values()) > 2 * len(events)
        getattr(broker, end)()
        broker.start()
        bench_at(url_of("operator")).eventually(lambda: contents(url_of("operator")) is not None)
        assert contents(url_of("operator")) == before

    def test_nobody_gets_in_as_the_default_user_also_after_a_restart(self, broker) -> None:
        for _ in range(2):
            for username, password in ((None, None), ("default", ""), ("default", "default")):
                with (
                    closing(redis.Redis(port=broker.port, username=username, password=password)) as client,
                    pytest.raises(redis.RedisError) as caught,
                ):
                    client.ping()
                assert isinstance(caught.value, redis.AuthenticationError), caught.value
            broker.kill()
            broker.start()


def contents(url: str) -> dict[str, list[bytes]] | None:
    """Give everything streams and states hold, None while the server still loads."""
    broker = Broker(url)
    held: dict[str, list[bytes]] = {}
    try:
        for partition in range(DEFAULT_PARTITIONS):
            connection = broker.shared(partition)
            for topic in (Topic.CHAIN, Topic.ALERTS):
                key = stream_key(partition, topic)
                held[key] = [entry_id for entry_id, _ in connection.call("XRANGE", key, "-", "+")]
            for key in (state_key(partition, "features"), position_key(partition, "features")):
                held[key] = connection.call("HGETALL", key)
    except (BrokerReplyError, BrokerUnavailableError):
        return None
    finally:
        broker.close()
    return held


class TestRights:
    @pytest.fixture(params=servers(), ids=lambda path: path.name)
    def url_of(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
        """Give the URL for a user of a server with the generated ACL file."""
        file = tmp_path / "users.acl"
        file.write_text(acl_file(SECRETS))
        options = ("--aclfile", str(file))
        with EmbeddedRedis(tmp_path / "broker", program=request.param, options=options) as broker:
            yield lambda user: f"redis://{user}:{SECRETS[user]}@127.0.0.1:{broker.port}/0"

    def test_each_service_can_do_its_work(self, url_of, bench_at) -> None:
        events = [*bench_at(url_of("operator")).ticks(40)]
        with RedisPublisher(url_of("ingest")) as publisher:
            publisher.publish(events)
        bench = bench_at(url_of("features"))
        bench.start(bench.chained(every=5, poison=(11,)))
        bench_at(url_of("gateway")).await_outputs(events, bench.chained(poison=(11,)))
        assert sum(inspect_broker(url_of("gateway")).dead) == 1

    @pytest.mark.parametrize("service", SERVICE_INPUTS)
    def test_every_service_can_start_on_its_own_streams(self, url_of, bench_at, service: str) -> None:
        bench = bench_at(url_of(service))
        plain = bench.chained()
        object.__setattr__(plain, "name", service)
        object.__setattr__(plain, "inputs", SERVICE_INPUTS[service])
        engine = bench.start(plain)
        bench.eventually(lambda: engine.ready)
        assert engine.counters["disruptions"] == 0

    def test_a_service_cannot_touch_another_ones_streams(self, url_of) -> None:
        broker = Broker(url_of("features"))
        for command in (
            ("XADD", "{0}:orders", "*", "a", "b"),
            ("XRANGE", "{0}:fills", "-", "+"),
            ("FLUSHALL",),
            ("KEYS", "*"),
        ):
            with pytest.raises(ConfigError, match="rights"):
                broker.shared(0).call(*command)

    def test_a_service_with_the_wrong_rights_stops_and_says_so(self, url_of, bench_at) -> None:
        with pytest.raises(ConfigError, match="rights"):
            bench_at(url_of("trainer")).engine().run()

    def test_a_wrong_password_stops_and_is_not_shown(self, url_of, bench_at) -> None:
        url = url_of("features").replace("features-secret", "wr0ng")
        with pytest.raises(ConfigError) as caught:
            bench_at(url).engine().run()
        assert "wr0ng" not in str(caught.value)

    def test_the_documented_file_is_the_generated_one(self) -> None:
        documented = Path(__file__).resolve().parents[2] / "docs" / "acl" / "users.acl"
        assert documented.read_text() == acl_file({})

    def test_an_unknown_user_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="stranger"):
            acl_file({"stranger": "x"})


def test_a_unix_socket_serves_too(tmp_path: Path, bench_at) -> None:
    socket = tmp_path / "b.sock"
    with EmbeddedRedis(tmp_path / "broker", options=("--unixsocket", str(socket))):
        bench = bench_at(f"unix://{socket}")
        events = bench.ticks(20)
        bench.start()
        with RedisPublisher(bench.url) as publisher:
            publisher.publish(events)
        bench.await_outputs(events)


def test_tls_with_a_certificate_that_is_checked(tmp_path: Path, bench_at) -> None:
    program = _server_with_tls()
    if program is None or shutil.which("openssl") is None:
        pytest.skip("needs a redis-server built with TLS, and openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
         "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    files = ("--tls-cert-file", f"{tmp_path}/cert.pem", "--tls-key-file", f"{tmp_path}/key.pem")
    authority = ("--tls-ca-cert-file", f"{tmp_path}/cert.pem", "--tls-auth-clients", "no")
    with _tls_server(tmp_path, program, (*files, *authority)) as port:
        bench = bench_at(f"rediss://localhost:{port}/0?ssl_ca_certs={tmp_path}/cert.pem")
        events = bench.ticks(20)
        bench.start()
        with RedisPublisher(bench.url) as publisher:
            publisher.publish(events)
        bench.await_outputs(events)
        with pytest.raises(BrokerUnavailableError, match="certificate"):
            Broker(f"rediss://localhost:{port}/0").shared(0)


def test_a_sentinel_fail_over_is_survived(tmp_path: Path, bench_at) -> None:
    bench = bench_at("")
    with ExitStack() as stack:
        master = stack.enter_context(EmbeddedRedis(tmp_path / "master"))
        options = ("--replicaof", "127.0.0.1", str(master.port), "--repl-diskless-sync-delay", "0")
        replica = stack.enter_context(EmbeddedRedis(tmp_path / "replica", options=options))
        client = stack.enter_context(redis.Redis(port=replica.port))
        bench.eventually(lambda: client.info("replication")["master_link_status"] == "up")
        sentinel = stack.enter_context(_sentinel(tmp_path, master.port))
        bench.url = f"redis+sentinel://127.0.0.1:{sentinel.port}/thetaflow"
        engine = bench.start()
        events = bench.ticks(200)
        with RedisPublisher(bench.url) as publisher:
            publisher.publish(events[:100])
            bench.await_outputs(events[:100])
            bench.eventually(lambda: client.info("replication")["slave_repl_offset"] == _offset(master.port))
            watcher: Any = redis.Redis(port=sentinel.port)  # its stubs forget that masters come by name
            bench.eventually(lambda: watcher.sentinel_masters()["thetaflow"]["num-slaves"] == 1)
            master.kill()
            publisher.publish(events[100:])
        bench.await_outputs(events)
        assert engine.counters["disruptions"] > 0
        bench.close()


def test_a_dead_server_of_a_cluster_stops_only_its_own_partitions(own_cluster, bench_at) -> None:
    url, nodes = own_cluster
    bench = bench_at(url)
    engine = bench.start()
    events = bench.ticks(120)
    with RedisPublisher(url) as publisher:
        publisher.publish(events[:40])
        bench.await_outputs(events[:40])
    broker = Broker(url)
    servers_of = [broker._server_of(partition) for partition in range(4)]
    ports = [server.port for server in servers_of if server is not None]
    assert len(ports) == 4
    broker.close()
    # The registry's server stays: it is partition 0's.
    victim = next(node for node in nodes if node.port in ports and node.port != ports[0])
    lost = {partition for partition in range(4) if ports[partition] == victim.port}
    victim.kill()
    alive = [event for event in events[40:80] if partition_of(event.header.book, 4) not in lost]
    with RedisPublisher(url) as publisher:
        publisher.publish(alive)
        bench.eventually(lambda: engine.counters["events"] >= 40 + len(alive))
        victim.start()
        with redis.Redis(port=victim.port) as client:
            bench.eventually(lambda: client.cluster("INFO")["cluster_state"] == "ok")
        publisher.publish([event for event in events[40:80] if event not in alive])
        publisher.publish(events[80:])
    bench.await_outputs(events)


def _offset(port: int) -> int:
    with redis.Redis(port=port) as client:
        return int(client.info("replication")["master_repl_offset"])


def _sentinel(folder: Path, master: int) -> EmbeddedRedis:
    config = folder / "sentinel.conf"
    config.write_text(
        f"sentinel monitor thetaflow 127.0.0.1 {master} 1\n"
        "sentinel down-after-milliseconds thetaflow 500\n"
        "sentinel failover-timeout thetaflow 3000\n"
    )
    wrapper = folder / "sentinel.sh"
    # A sentinel takes its settings from a file it may rewrite; --port comes after it as for any server.
    wrapper.write_text(f'#!/bin/sh\nexec {find_server()} {config} --sentinel --port "$2" --bind 127.0.0.1\n')
    wrapper.chmod(0o755)
    return EmbeddedRedis(folder / "sentinel", program=wrapper)


def _server_with_tls() -> Path | None:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            asked = subprocess.run(
                [found, "--tls-port", "x", "--port", "0"], capture_output=True, text=True, check=False
            )
            if "Bad directive" not in asked.stdout + asked.stderr:
                return Path(found)
    return None


@contextmanager
def _tls_server(folder: Path, program: Path, options: tuple[str, ...]) -> Iterator[int]:
    """Start a server with a plain port for the start-up check and a TLS port beside it; give the latter."""
    with EmbeddedRedis(folder / "probe") as probe:
        port = probe.port
    with EmbeddedRedis(folder / "tls", program=program, options=("--tls-port", str(port), *options)):
        yield port
