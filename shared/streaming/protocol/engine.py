"""What runs a service, and what starts a broker of its own for a demo or a simulation."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Protocol, Self

from shared.streaming.protocol.beats import PartitionBeat


class Engine(Protocol):
    """One replica of a service on a broker.

    Every engine promises the same: the events of a book are handled in order by one replica at a time; outputs,
    checkpoint and position of a step are committed together or not at all; an event that no attempt can handle becomes
    a dead letter and an alert in that same commit; whatever ends the process, another replica goes on after the last
    commit, and a broker that is away is waited for.
    """

    @property
    def counters(self) -> Counter[str]:
        """What happened since the start, by name; all names are there from the start."""
        ...

    @property
    def idle_s(self) -> float:
        """Seconds since the loop last went round: a hung handler or a lost broker shows here."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it owns its share of the partitions and all of them have recovered."""
        ...

    @property
    def reached(self) -> tuple[PartitionBeat, ...]:
        """How far each of its partitions has got."""
        ...

    @property
    def owned(self) -> tuple[int, ...]:
        """Partitions it owns."""
        ...

    def run(self) -> None:
        """Serve until `stop` is called.

        Raises:
            ConfigError: the broker refuses our credentials or rights.
            StateError: a stored state is not one of this version of the handler.
        """
        ...

    def stop(self) -> None:
        """Ask `run` to finish and commit what it took, and to return. Safe in a signal handler."""
        ...


class EmbeddedBroker(Protocol):
    """A broker as a child process on loopback, ended when the context is left."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        ...

    def __enter__(self) -> Self:
        """Give itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End the process."""
        ...
