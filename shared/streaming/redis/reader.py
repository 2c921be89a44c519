"""One connection that reads entries and sends commits, with answers taken in the order of their commands."""

from __future__ import annotations

from collections import deque
from typing import Any

from shared.events.topology import Topic
from shared.streaming.redis import scripts
from shared.streaming.redis.connection import Arg, BrokerConnection
from shared.streaming.redis.keys import CONSUMER
from shared.streaming.redis.partition import OwnedPartition


class Reader:
    """Reads the partitions that one server holds. Commits are sent ahead of their answers.

    Args:
        connection: of its own; a blocking read on a shared connection would hold up everybody else.
        group: service name.
        count: entries per stream and read.
    """

    def __init__(self, connection: BrokerConnection, group: str, count: int) -> None:
        self.connection = connection
        self.partitions: dict[int, OwnedPartition] = {}
        self._group = group
        self._count = count
        self._expected: deque[OwnedPartition | None] = deque()
        self._routes: dict[bytes, tuple[OwnedPartition, Topic]] = {}
        self._tail: list[Arg] = []
        scripts.load(connection, "commit")

    @property
    def read_done(self) -> bool:
        """Whether no read waits for its answer; commits may."""
        return not self._expected or self._expected[-1] is not None

    @property
    def quiet(self) -> bool:
        """Whether no answer is outstanding."""
        return not self._expected

    def add(self, partition: OwnedPartition) -> None:
        """Read a partition from now on."""
        self.partitions[partition.number] = partition
        self._route()

    def drop(self, number: int) -> None:
        """Stop reading a partition."""
        self.partitions.pop(number, None)
        self._route()

    def _route(self) -> None:
        self._routes = {
            key.encode(): (partition, topic)
            for partition in self.partitions.values()
            for topic, key in partition.streams.items()
        }
        self._tail = ["STREAMS", *self._routes, *(">" for _ in self._routes)]

    def start_read(self, block_ms: int) -> None:
        """Ask for new entries of all partitions at once: skipping one would park the read while that one has some."""
        self.connection.send(
            "XREADGROUP", "GROUP", self._group, CONSUMER, "COUNT", self._count, "BLOCK", block_ms, *self._tail
        )
        self._expected.append(None)

    def send_commit(self, partition: OwnedPartition, topic: Topic) -> None:
        """Send the commit of what a partition has taken."""
        self.connection.send(*partition.commit(topic))
        self._expected.append(partition)

    def receive(self) -> list[tuple[OwnedPartition, Topic, list[Any]]] | None:
        """Take one answer: entries by partition and topic, or None when it was a commit's, which is settled."""
        partition = self._expected[0]
        answer = self.connection.receive()
        self._expected.popleft()
        if partition is not None:
            partition.settle(answer)
            return None
        return [(*self._routes[key], entries) for key, entries in answer or () if key in self._routes]

    def finish_commits(self) -> None:
        """Take the answers of all commits sent; no read may be waiting."""
        while self._expected and self._expected[0] is not None:
            self.receive()
