"""A broker as services and tools see it: one object that gives every port, whatever the engine behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

from shared.events.topology import Topic
from shared.streaming.protocol.beats import Beats
from shared.streaming.protocol.dead_letters import DeadLetters
from shared.streaming.protocol.engine import Engine
from shared.streaming.protocol.handler import Service
from shared.streaming.protocol.publishing import Lockstep, Memory, Publisher
from shared.streaming.protocol.reading import Following, History, RetentionHold, StateReader
from shared.streaming.protocol.reports import BrokerReport


class BrokerClient(Protocol):
    """Gives the ports of one broker. Connections are opened on first use; one thread uses it at a time.

    History, following, retention hold, state reader, memory and the report share the client's connections, which
    `reset` drops and `close` ends. Publisher, lockstep, dead letters and engine have their own and are closed themselves.
    """

    @property
    def partitions(self) -> int:
        """Partitions per topic."""
        ...

    def ping(self) -> None:
        """Ask the broker for a sign of life.

        Raises:
            BrokerUnavailableError: it does not answer.
            ConfigError: it refuses our credentials.
        """
        ...

    def faults(self) -> tuple[str, ...]:
        """Name what may make the broker lose states and streams; empty when nothing is known.

        Raises:
            BrokerUnavailableError: it does not answer.
            BrokerReplyError: we may not ask.
        """
        ...

    def report(self) -> BrokerReport:
        """Look at everything once, without disturbing anybody; BrokerUnavailableError when it does not answer."""
        ...

    def history(self) -> History:
        """Give the reader of what topics hold."""
        ...

    def following(self, every: Mapping[Topic, int], newest: Mapping[Topic, int]) -> Following:
        """Give a reader that goes on with topics.

        Args:
            every: topics read entry by entry, and how many of each at once.
            newest: topics with large entries, of which a burst is skipped up to so many newest ones.
        """
        ...

    def retention_hold(self, group: str) -> RetentionHold:
        """Give the hold of a reader of this name."""
        ...

    def states(self) -> StateReader:
        """Give the reader of checkpoints."""
        ...

    def memory(self, producer: str, book: str) -> Memory:
        """Give the small values of a producer and book."""
        ...

    def beats(self) -> Beats:
        """Give the signs of life of services; over the client's connections."""
        ...

    def publisher(self, producer: str, *, patience_s: float = 30.0) -> Publisher:
        """Give a way in. Two processes that publish the same things share the producer's name.

        Args:
            producer: whose memory of what is out.
            patience_s: longest wait for the broker or for the pipeline.
        """
        ...

    def lockstep(self) -> Lockstep:
        """Give what waits for the decision groups."""
        ...

    def dead_letters(self) -> DeadLetters:
        """Give the entries that no attempt could handle."""
        ...

    def engine(self, service: Service, *, replica: str, lease_ms: int, block_ms: int, batch: int) -> Engine:
        """Make a replica of a service.

        Args:
            service: what to run.
            replica: name of this replica, for people.
            lease_ms: how long a partition stays its own without a sign of life.
            block_ms: longest wait of a read.
            batch: entries per topic and read.

        Raises:
            ConfigError: a value makes no sense.
        """
        ...

    def reset(self) -> None:
        """Drop the connections after a failure; the next use opens new ones."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...

    def __enter__(self) -> Self:
        """Give itself."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        ...
