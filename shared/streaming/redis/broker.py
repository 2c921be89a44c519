"""Where the broker is and how to talk to it: one connection at a time, nothing retried behind our back.

`redis://`, `rediss://` and `unix://` take redis-py's options in the query (`?ssl_ca_certs=...`). A cluster is
`redis+cluster://host:port,host:port`, a sentinel `redis+sentinel://host:port,host:port/name`; `rediss+...` adds TLS.
User and password of an ACL stand before the `@` and are never shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.crc import key_slot
from redis.retry import Retry

from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError
from shared.settings.address import EXPECTED_ADDRESS, SOCKET_TIMEOUT, shown_address, split_address
from shared.streaming.redis.connection import BrokerConnection, decode_pairs
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.keys import stream_key

__all__ = ["Address", "Broker", "BrokerConnection", "BrokerUrl", "EmbeddedRedis", "decode_pairs"]

IO_TIMEOUT_S: Final = 5.0
"""How long an answer may take before the connection counts as dead."""

_READ_SIZE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Address:
    """One server's address."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as host:port."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """A broker's URL, taken apart.

    Attributes:
        kind: `single`, `cluster` or `sentinel`.
        seeds: servers to ask first; empty for a unix socket.
        name: master's name, for a sentinel.
        options: keyword arguments of the connection, credentials among them.
        tls: whether connections are encrypted.
        shown: the URL without login and options.
    """

    kind: str
    seeds: tuple[Address, ...]
    name: str
    options: dict[str, Any] = field(repr=False)
    tls: bool
    shown: str

    @classmethod
    def parse(cls, url: str) -> BrokerUrl:
        """Read a URL.

        Raises:
            ConfigError: the scheme is not one of ours, or a part of the URL makes no sense.
        """
        scheme, mark, _ = url.partition("://")
        base, _, kind = scheme.partition("+")
        if not mark or base not in {"redis", "rediss", "unix"} or kind not in {"", "cluster", "sentinel"}:
            raise ConfigError(
                "broker URL: expected redis://, rediss:// or unix://, or redis+cluster:// or redis+sentinel://, "
                f"got scheme {scheme!r}"
            )
        shown = shown_address(url)
        try:
            parsed = split_address(url)
            plain = f"{base}://{parsed.path}" if base == "unix" else f"{base}://localhost"
            query = f"{plain}?{parsed.query}" if parsed.query else plain
            options = dict(parse_url(query))  # type: ignore[no-untyped-call]
            seeds = (
                tuple(_address(part) for part in parsed.netloc.rpartition("@")[2].split(",")) if base != "unix" else ()
            )
            login = parsed.netloc.rpartition("@")[0]
            path = parsed.path.strip("/")
            if path.isdecimal() and not kind:
                options["db"] = int(path)
        except ValueError:
            # The reason could quote a part of the password.
            raise ConfigError(f"broker URL: expected {EXPECTED_ADDRESS} with sound options, got {shown}") from None
        for name in ("host", "port", "connection_class"):
            options.pop(name, None)
        if login:
            user, _, password = login.partition(":")
            options["username"] = unquote(user) or None
            options["password"] = unquote(password) or None
        if kind == "sentinel" and not path:
            raise ConfigError(f"broker URL {shown}: expected the master's name as the path")
        return cls(kind or "single", seeds, path, options, base == "rediss", shown)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":") if ":" in text and not text.endswith("]") else (text, "", "6379")
    return Address(host.strip("[]") or "localhost", int(port))


class Broker:
    """Finds the server of a partition and connects to it.

    Args:
        url: see the module.
        io_timeout_s: longest wait for an answer or a connection; the URL's `socket_timeout` when None, else
            `IO_TIMEOUT_S`.
    """

    def __init__(self, url: str, *, io_timeout_s: float | None = None) -> None:
        self.url = BrokerUrl.parse(url)
        named = float(self.url.options.get(SOCKET_TIMEOUT, IO_TIMEOUT_S))
        self._io_timeout_s = named if io_timeout_s is None else io_timeout_s
        self._slots: list[tuple[int, int, Address]] = []
        self._shared: dict[Address | None, BrokerConnection] = {}

    @property
    def is_cluster(self) -> bool:
        """Whether partitions may live on different servers."""
        return self.url.kind == "cluster"

    def connect(self, partition: int, *, patience_s: float = 0.0) -> BrokerConnection:
        """Open a connection of its own to the server of a partition.

        Args:
            partition: any, when the broker is a single server.
            patience_s: how much longer than usual an answer may take, for blocking commands.
        """
        return self._open(self._server_of(partition), patience_s)

    def shared(self, partition: int) -> BrokerConnection:
        """Give the connection for short commands to the server of a partition, opened on first use."""
        address = self._server_of(partition)
        connection = self._shared.get(address)
        if connection is None or connection.fileno() < 0:
            connection = self._shared[address] = self._open(address, 0.0)
        return connection

    def forget(self) -> None:
        """Close shared connections and forget where partitions live: the next use finds out anew."""
        for connection in self._shared.values():
            connection.close()
        self._shared.clear()
        self._slots.clear()

    close = forget

    def _server_of(self, partition: int) -> Address | None:
        match self.url.kind:
            case "cluster":
                return self._cluster_server(partition)
            case "sentinel":
                return self._sentinel_master()
            case _:
                return self.url.seeds[0] if self.url.seeds else None

    def _cluster_server(self, partition: int) -> Address:
        if not self._slots:
            self._slots = self._ask_any("CLUSTER", "SLOTS")
        slot = key_slot(stream_key(partition, "").encode())
        for first, last, address in self._slots:
            if first <= slot <= last:
                return address
        self._slots = []
        raise BrokerUnavailableError(f"broker {self.url.shown}: no server holds slot {slot} of partition {partition}")

    def _sentinel_master(self) -> Address:
        if not self._slots:
            self._slots = self._ask_any("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.url.name)
        return self._slots[0][2]

    def _ask_any(self, *command: str) -> list[tuple[int, int, Address]]:
        failure: Exception | None = None
        for seed in self.url.seeds:
            try:
                connection = self._open(seed, 0.0, plain=self.url.kind == "sentinel")
                try:
                    answer = connection.call(*command)
                finally:
                    connection.close()
            except (BrokerUnavailableError, BrokerReplyError) as error:
                failure = error
                continue
            if answer and command[0] == "SENTINEL":
                return [(0, 0, Address(answer[0].decode(), int(answer[1])))]
            if answer:
                return [
                    (int(a), int(b), Address(node[0].decode() or seed.host, int(node[1]))) for a, b, node, *_ in answer
                ]
        raise BrokerUnavailableError(f"broker {self.url.shown}: no seed answers {command[0]}: {failure}")

    def _open(self, address: Address | None, patience_s: float, *, plain: bool = False) -> BrokerConnection:
        options = dict(self.url.options)
        options["socket_timeout"] = self._io_timeout_s + patience_s
        options["socket_connect_timeout"] = self._io_timeout_s
        options["socket_read_size"] = _READ_SIZE
        options["protocol"] = 2
        options["driver_info"] = None  # CLIENT SETINFO: two commands more per connection, unknown before Redis 7.2
        options["retry"] = Retry(NoBackoff(), 0)
        if address is None:
            unix: Any = UnixDomainSocketConnection
            return BrokerConnection(unix(**options), self.url.shown)
        if plain:
            for name in ("username", "password", "db"):
                options.pop(name, None)
        kind = SSLConnection if self.url.tls else Connection
        return BrokerConnection(kind(host=address.host, port=address.port, **options), str(address))
