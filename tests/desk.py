"""Risk and executor as processes on a real broker, and others on demand, led snapshot by snapshot, up to a trade that loses."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import TypeVar

from shared.clock import NS_PER_MINUTE
from shared.events import BookState, Event, ExitReason, HaltChanged, Trade
from shared.events.topology import Topic
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, UNGATED, at, environ_of, signal, snapshot
from trading_system.operations.processes import Fleet

PATIENCE_S = 30.0
SMALL_LOSS = {
    "THETAFLOW_RISK_MAX_DAILY_LOSS": "0.012",
    "THETAFLOW_RISK_MAX_DELTA_LOSS": "0.009",
    "THETAFLOW_RISK_MAX_GAMMA_LOSS": "0.003",
}
"""Settings under which the trade of `Desk.lose` reaches the daily loss: Rs 12,000 of a million."""

QUIET, STOPPED, FALLEN = (70.0, 70.5), (168.0, 170.0), (268.0, 270.0)
"""Bid and ask of the put at 24,400: as it is sold, through its stop, and as it is bought back."""

SeenT = TypeVar("SeenT")


def eventually(look: Callable[[], SeenT], what: str) -> SeenT:
    """Look until something is seen and give it; fail telling what was expected."""
    deadline, never = monotonic() + PATIENCE_S, threading.Event()
    while not (seen := look()):
        assert monotonic() < deadline, f"expected {what} within {PATIENCE_S:g} s"
        never.wait(0.02)
    return seen


class Desk:
    """A market for the two services, and what they say of it.

    Args:
        url: of the broker.
        partitions: streams per topic.
        fleet: of the services.
        publisher: of the market.
    """

    def __init__(self, url: str, partitions: int, fleet: Fleet, publisher: RedisPublisher) -> None:
        self.url = url
        self.fleet = fleet
        self._partitions = partitions
        self._publisher = publisher
        self._seq = 0

    def events(self, topic: Topic) -> list[Event]:
        """Give what a topic holds."""
        return list(read_stream(self.url, topic, self._partitions))

    def snapshot(self, put: tuple[float, float] = QUIET) -> BookState:
        """Publish the next minute's snapshot and give the executor's book of it."""
        self._seq += 1
        made = snapshot(self._seq, at(10, 0) + self._seq * NS_PER_MINUTE, puts={24400.0: put})
        self._publisher.publish([made])
        self.fleet.check_alive()

        def of_this_step() -> BookState | None:
            books = [event for event in self.events(Topic.BOOK) if isinstance(event, BookState)]
            return books[-1] if books and books[-1].header.seq == self._seq else None

        book = eventually(of_this_step, "a book")
        assert book is not None
        return book

    def sell(self) -> None:
        """Give a signal on which risk orders a put to be sold, and the snapshot at which the executor sells it."""
        seen = self.snapshot()
        orders = len(self.events(Topic.ORDERS))
        self._publisher.publish([signal(self._seq, seen.header.ts, 1)])
        eventually(lambda: len(self.events(Topic.ORDERS)) > orders, "an order of risk")
        assert len(self.snapshot().positions) == 1

    def lose(self) -> Trade:
        """Sell a put and give the trade, closed at a large loss."""
        self.sell()
        return self.fall()

    def fall(self) -> Trade:
        """Let the market fall through the stop of what is open, and on; give the trade, closed at a large loss."""
        self.snapshot(STOPPED)
        self.snapshot(FALLEN)
        trades = [event for event in self.events(Topic.TRADES) if isinstance(event, Trade)]
        assert trades[-1].exit_reason is ExitReason.STOP
        assert trades[-1].net_pnl_paise < 0
        return trades[-1]

    def halt(self, holds: Callable[[HaltChanged], bool]) -> HaltChanged:
        """Wait until risk's newest word about the halt is as expected, and give it."""

        def newest() -> HaltChanged | None:
            found = [event for event in self.events(Topic.HALTS) if isinstance(event, HaltChanged)]
            return found[-1] if found and holds(found[-1]) else None

        halt = eventually(newest, "another word of risk about the halt")
        assert halt is not None
        return halt


@contextmanager
def trading_desk(
    url: str, environ: Mapping[str, str] | None = None, *, partitions: int = 4, beside: Sequence[str] = ()
) -> Iterator[Desk]:
    """Start risk and executor on a broker, ready to trade; they are ended on the way out.

    Args:
        url: of the broker.
        environ: settings of the services beside the broker's.
        partitions: streams per topic.
        beside: further services to start.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    with ExitStack() as stack:
        services = ("risk", "executor", *beside)
        made = Fleet(
            url,
            services=services,
            environ={**clean, **environ_of(**UNGATED, **SHORT_HOLDING), **(environ or {})},
            partitions=partitions,
        )
        fleet = stack.enter_context(made)
        publisher = stack.enter_context(RedisPublisher(url, producer="ingest", partitions=partitions))
        fleet.wait_until_ready()
        yield Desk(url, partitions, fleet, publisher)
