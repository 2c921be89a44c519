"""Every port on Redis Streams; see `shared.streaming.protocol.client`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from shared.errors import BrokerReplyError
from shared.events.topology import Topic, partition_of
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.engine import EmbeddedBroker
from shared.streaming.protocol.handler import Service
from shared.streaming.protocol.reports import BrokerReport
from shared.streaming.redis.beats import RedisBeats
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.dead_letters import RedisDeadLetters
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.following import RedisFollowing
from shared.streaming.redis.history import RedisHistory
from shared.streaming.redis.inspection import inspect_with
from shared.streaming.redis.keys import covered_field, position_key, state_key, stream_key
from shared.streaming.redis.lockstep import RedisLockstep
from shared.streaming.redis.publisher import RedisPublisher
from shared.streaming.redis.soundness import server_faults


class RedisStates:
    """Reads the hashes of checkpoints.

    Args:
        broker: connections of the calling thread.
        partitions: the same for every process of a deployment.
    """

    def __init__(self, broker: Broker, partitions: int) -> None:
        self._broker = broker
        self._partitions = partitions

    def checkpoint(self, group: str, book: str) -> bytes | None:
        """Give a service's newest committed checkpoint of a book."""
        partition = partition_of(book, self._partitions)
        raw: bytes | None = self._broker.shared(partition).call("HGET", state_key(partition, group), book)
        return raw

    def covered(self, group: str, book: str) -> str | None:
        """Give the position that a book's checkpoint covers."""
        partition = partition_of(book, self._partitions)
        field = covered_field(book)
        raw: bytes | None = self._broker.shared(partition).call("HGET", position_key(partition, group), field)
        return None if raw is None else raw.decode()


class RedisMemory:
    """Keeps values as fields of the hash in which the publisher keeps what is out.

    A producer's rights reach no further than this hash, and the two belong together.

    Args:
        broker: connections of the calling thread.
        partitions: the same for every process of a deployment.
        producer: whose hash.
        book: whose values.
    """

    def __init__(self, broker: Broker, partitions: int, producer: str, book: str) -> None:
        self._broker = broker
        self._book = book
        self._partition = partition_of(book, partitions)
        self._key = stream_key(self._partition, f"published:{producer}")

    def save(self, name: str, content: bytes) -> None:
        """Store a value in place of the last one."""
        self._broker.shared(self._partition).call("HSET", self._key, f"{name}|{self._book}", content)

    def load(self, name: str) -> bytes | None:
        """Give what was stored last."""
        raw: bytes | None = self._broker.shared(self._partition).call("HGET", self._key, f"{name}|{self._book}")
        return raw


class RedisRetentionHold:
    """Holds entries by a consumer group that nobody consumes with: trimming waits for what it was not given.

    Args:
        broker: connections of the calling thread.
        group: its name.
    """

    def __init__(self, broker: Broker, group: str) -> None:
        self._broker = broker
        self._group = group

    def move(self, topic: Topic, partition: int, position: str | None) -> None:
        """Release entries up to a position."""
        connection, key = self._broker.shared(partition), stream_key(partition, topic)
        try:
            connection.call("XGROUP", "CREATE", key, self._group, position or "0", "MKSTREAM")
        except BrokerReplyError:
            connection.call("XGROUP", "SETID", key, self._group, position or "0")


class RedisClient:
    """Gives every port of one broker.

    Args:
        url: see `shared.streaming.redis.broker`.
        partitions: the same for every process of a deployment.
        io_timeout_s: longest wait for an answer or a connection; the address says it, else the engine, when None.
    """

    def __init__(self, url: str, partitions: int, *, io_timeout_s: float | None = None) -> None:
        self._url = url
        self._partitions = partitions
        self._broker = Broker(url, io_timeout_s=io_timeout_s)

    @property
    def partitions(self) -> int:
        """Partitions per topic."""
        return self._partitions

    def ping(self) -> None:
        """Ask the broker for a sign of life."""
        self._broker.shared(0).call("PING")

    def faults(self) -> tuple[str, ...]:
        """Name what may make the broker lose states and streams, of every server once."""
        servers = {id(link): link for link in (self._broker.shared(number) for number in range(self._partitions))}
        return tuple(dict.fromkeys(fault for link in servers.values() for fault in server_faults(link)))

    def report(self) -> BrokerReport:
        """Look at everything once."""
        return inspect_with(self._broker, self._partitions)

    def history(self) -> RedisHistory:
        """Give the reader of what topics hold."""
        return RedisHistory(self._broker, self._partitions)

    def following(self, every: Mapping[Topic, int], newest: Mapping[Topic, int]) -> RedisFollowing:
        """Give a reader that goes on with topics."""
        return RedisFollowing(self._broker, self._partitions, every, newest)

    def retention_hold(self, group: str) -> RedisRetentionHold:
        """Give the hold of a reader of this name."""
        return RedisRetentionHold(self._broker, group)

    def states(self) -> RedisStates:
        """Give the reader of checkpoints."""
        return RedisStates(self._broker, self._partitions)

    def memory(self, producer: str, book: str) -> RedisMemory:
        """Give the small values of a producer and book."""
        return RedisMemory(self._broker, self._partitions, producer, book)

    def beats(self) -> RedisBeats:
        """Give the signs of life of services."""
        return RedisBeats(self._broker)

    def publisher(self, producer: str, *, patience_s: float = 30.0) -> RedisPublisher:
        """Give a way in."""
        return RedisPublisher(self._url, producer, self._partitions, patience_s=patience_s)

    def lockstep(self) -> RedisLockstep:
        """Give what waits for the decision groups."""
        return RedisLockstep(self._url, self._partitions)

    def dead_letters(self) -> RedisDeadLetters:
        """Give the entries that no attempt could handle."""
        return RedisDeadLetters(self._url, self._partitions)

    def engine(self, service: Service, *, replica: str, lease_ms: int, block_ms: int, batch: int) -> RedisEngine:
        """Make a replica of a service."""
        return RedisEngine(
            service,
            self._url,
            partitions=self._partitions,
            replica=replica,
            lease_ms=lease_ms,
            block_ms=block_ms,
            batch=batch,
        )

    def reset(self) -> None:
        """Drop the connections after a failure."""
        self._broker.forget()

    def close(self) -> None:
        """Close the connections."""
        self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_client(url: str, partitions: int, *, io_timeout_s: float | None) -> BrokerClient:
    """Make a client; nothing is connected yet. ConfigError when the URL makes no sense."""
    return RedisClient(url, partitions, io_timeout_s=io_timeout_s)


def embedded_broker(directory: Path, *, appendonly: bool) -> EmbeddedBroker:
    """Make a server of our own with its files in `directory`; entering it waits until it answers."""
    return EmbeddedRedis(directory, appendonly=appendonly)
