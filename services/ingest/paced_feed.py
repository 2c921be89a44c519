"""The ingest process's loop: what a source gives goes through the gates and onto the broker, at the pace asked for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from services.ingest.handler import IngestHandler
from shared.clock import NS_PER_SECOND
from shared.errors import PipelineBehindError
from shared.events import ChainSnapshot, Event
from shared.market.chain import Parsed, ParsedChain
from shared.streaming.protocol.publishing import Lockstep, Publisher

_LOCKSTEP_PATIENCE_S = 1.0


@dataclass(slots=True)
class Feed:
    """Plays a source into the pipeline.

    Attributes:
        handler: the gates.
        publisher: the way out.
        lockstep: waits for the decision groups after each event; None lets the publisher's window do.
        speed: event time per second of real time; 0 is as fast as the pipeline takes it.
        stop: ends the loop.
        on_snapshot: told of each snapshot published.
    """

    handler: IngestHandler
    publisher: Publisher
    lockstep: Lockstep | None
    speed: float
    stop: threading.Event
    on_snapshot: Callable[[ChainSnapshot], None]
    counts: Counter[str] = field(default_factory=Counter)

    def play(self, source: Iterable[Parsed]) -> bool:
        """Play a finite source to its end and close its last day; tell whether the end was reached."""
        last_ns: int | None = None
        for item in source:
            if isinstance(item, ParsedChain) and self.speed > 0.0:
                if last_ns is not None and item.stamp_ns > last_ns:
                    self.stop.wait((item.stamp_ns - last_ns) / NS_PER_SECOND / self.speed)
                last_ns = item.stamp_ns
            if self.stop.is_set():
                return False
            self.put(self.handler.accept(item))
        self.put(self.handler.end_of_day())
        return not self.stop.is_set()

    def put(self, events: Sequence[Event]) -> None:
        """Publish events one by one, each with everything that follows from it."""
        for event in events:
            published = self.publisher.publish([event])
            self.counts["published"] += published.count
            self.counts["repeated"] += published.repeated
            self.counts["backward"] += len(published.refused)
            if isinstance(event, ChainSnapshot) and published.count:
                self.on_snapshot(event)
            self._await(event)
            if self.stop.is_set():
                return

    def _await(self, event: Event) -> None:
        while self.lockstep is not None and not self.stop.is_set():
            try:
                self.lockstep.wait(event.header.book, _LOCKSTEP_PATIENCE_S)
            except PipelineBehindError:
                self.counts["waited"] += 1
            else:
                return
