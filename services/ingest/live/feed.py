"""The live loop: what a running market's source gives goes through the gates and onto the broker, minute by minute."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Protocol

from services.ingest.handler import PRODUCER, IngestHandler
from services.ingest.live.memory import LiveMemory
from services.ingest.settings import IngestSettings
from services.ingest.sources.port import ChainSource, Notice, Sleep
from shared.clock import NS_PER_SECOND, Clock, ist_date
from shared.errors import BrokerReplyError, BrokerUnavailableError, PipelineBehindError, TableError
from shared.events import Alert, ChainSnapshot, Event, Header, QualityFlag
from shared.market.calendar import Session, TradingCalendar
from shared.market.chain import DataVerdict, ParsedChain
from shared.observability.logging import get_logger
from shared.streaming.protocol.publishing import Publisher

_IDLE_S = 30.0
_BROKER_RETRY_S = 1.0
_SLICE_S = 10.0
_PHASE_STEP = 2.0
_OUTAGES = (BrokerUnavailableError, BrokerReplyError, PipelineBehindError)


class Watcher(Protocol):
    """Who is told how the loop fares; quick, and it never raises."""

    def went_round(self) -> None:
        """Say that the loop is alive."""
        ...

    def published(self, event: Event) -> None:
        """Say that an event went out for the first time."""
        ...

    def polled(self, outcome: str) -> None:
        """Say how a poll ended: `chain`, `nothing`, or a verdict."""
        ...


class LiveFeed:
    """Runs one book's source while the market is open, and rests otherwise.

    In session each round polls once, passes what came through the gates and lets market time go on when the feed is
    silent. From the close on it asks until the closing chain is there or could not be accepted any more, then ends the
    day. A round's state and events are stored together before the events are published, and a start repeats the last
    round's: a restart neither doubles an event nor goes back nor loses what had been accepted. While the broker is
    away nothing is polled, so nothing piles up.

    Args:
        source: where chains come from.
        handler: the gates; its state is replaced by what `memory` holds.
        publisher: the way out.
        memory: what a restart goes on from.
        calendar: sessions.
        clock: the present.
        settings: pace and limits.
        random: jitter of the pace.
        sleep: waits; in tests it moves the clock.
        watcher: told how it goes.
        notices: gives what a person should know of this machine, each once.
    """

    def __init__(
        self,
        source: ChainSource,
        handler: IngestHandler,
        publisher: Publisher,
        memory: LiveMemory,
        *,
        calendar: TradingCalendar,
        clock: Clock,
        settings: IngestSettings,
        random: Random,
        sleep: Sleep,
        watcher: Watcher,
        notices: Callable[[], Iterable[Notice]] = tuple,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._source = source
        self._handler = handler
        self._publisher = publisher
        self._memory = memory
        self._calendar = calendar
        self._clock = clock
        self._settings = settings
        self._random = random
        self._sleep = sleep
        self._watcher = watcher
        self._notices = notices
        self._log = get_logger("thetaflow.ingest.live")
        self._phase_ns = int(random.random() * settings.poll_s * NS_PER_SECOND)
        self._recovered = False
        self._outgoing: list[Event] = []
        self._unsaved = False

    async def run(self, stop: threading.Event | None = None) -> None:
        """Go round until stopped or cancelled, then close the source."""
        try:
            while stop is None or not stop.is_set():
                await self._rest(await self.go_round(), stop)
        finally:
            await self._source.close()

    async def go_round(self) -> float:
        """Do what is due now; give the seconds until something is due again."""
        self._watcher.went_round()
        began_ns = self._clock.now_ns()
        try:
            if not self._recovered:
                self._recover()
            self._flush()
            session = self._session(began_ns)
            if session is None:
                self._take(self._handler.end_of_day())
                self._flush()
                return min(_IDLE_S, self._until_open_s(began_ns))
            await self._poll(session)
            self._flush()
        except _OUTAGES as error:
            self.counts["broker_outages"] += 1
            self._memory.reconnect()
            self._log.warning("the broker does not take events; not polling", error=str(error))
            return _BROKER_RETRY_S
        return self._until_next_poll_s(began_ns)

    async def _poll(self, session: Session) -> None:
        polled = await self._source.poll()
        self._unsaved = True  # refusals change the state, too
        self._watcher.went_round()
        now_ns = self._clock.now_ns()
        for notice in (*polled.notices, *self._notices()):
            self._outgoing.append(self._alert(notice, now_ns))
        for item in polled.items:
            before = self._handler.refusals.copy()
            self._take(self._handler.accept(item))
            refused = self._handler.refused_since(before)
            outcome = refused.value if refused is not None else "chain"
            self.counts[outcome] += 1
            self._watcher.polled(outcome)
            if refused and isinstance(item, ParsedChain):
                self.counts["refused_chains"] += 1
            if outcome == DataVerdict.REPEATED_STAMP.value:
                # Asked just before the source moved on: from now on a little later, clear of the random part.
                self._phase_ns += int(_PHASE_STEP * self._settings.poll_jitter_s * NS_PER_SECOND)
        if not polled.items:
            self._watcher.polled("nothing")
        self._take(self._handler.advance(now_ns, stand_in=True))
        if self._handler.last_snapshot_ns == session.close_ns:
            self._take(self._handler.end_of_day())

    # --- time ---------------------------------------------------------------------------------------------------

    def _session(self, now_ns: int) -> Session | None:
        """Give the session to poll in: the day's, until its closing chain is there or came too late."""
        session = self._session_of_day(now_ns)
        if session is None or now_ns < session.open_ns or self._handler.last_snapshot_ns == session.close_ns:
            return None
        return session if now_ns <= session.close_ns + self._settings.stale_after_s * NS_PER_SECOND else None

    def _session_of_day(self, now_ns: int) -> Session | None:
        try:
            return self._calendar.session(ist_date(now_ns))
        except TableError:
            return None

    def _until_open_s(self, now_ns: int) -> float:
        session = self._session_of_day(now_ns)
        if session is None or now_ns >= session.open_ns:
            return _IDLE_S
        return (session.open_ns - now_ns) / NS_PER_SECOND

    def _until_next_poll_s(self, began_ns: int) -> float:
        # Polls lie on a grid with a phase of this process's own, each a random part later: intervals that only had
        # the random part on top would drift and pass over a minute now and then.
        period_ns = int(self._settings.poll_s * NS_PER_SECOND)
        next_ns = ((began_ns - self._phase_ns) // period_ns + 1) * period_ns + self._phase_ns
        jitter_s = min(self._settings.poll_jitter_s, self._settings.poll_s / 2) * self._random.random()
        left_s = min((next_ns - self._clock.now_ns()) / NS_PER_SECOND, self._settings.poll_s)
        return max(left_s + jitter_s, 0.0)

    async def _rest(self, seconds: float, stop: threading.Event | None) -> None:
        # In slices: a long poll interval is no silence of the loop. What was slept is counted, not what the clock shows:
        # one that is set back would put the feed to sleep for as long as the step.
        left_s = seconds
        while stop is None or not stop.is_set():
            await self._sleep(min(left_s, _SLICE_S))
            self._watcher.went_round()
            left_s -= _SLICE_S
            if left_s <= 0.0:
                return

    # --- events -------------------------------------------------------------------------------------------------

    def _take(self, events: Sequence[Event]) -> None:
        self._outgoing += events
        self._unsaved = self._unsaved or bool(events)

    def _flush(self) -> None:
        """Store the round, then publish it; what fails is repeated at the next call, event by event the same."""
        if self._unsaved:
            self._memory.save(self._handler.checkpoint(), self._outgoing)
            self._unsaved = False
        if not self._outgoing:
            return
        published = self._publisher.publish(self._outgoing)
        refused = {event.header.id for event in published.refused}
        self.counts["published"] += published.count
        self.counts["repeated"] += published.repeated
        self.counts["backward"] += len(refused)
        if published.count == len(self._outgoing):
            for event in self._outgoing:
                self._watcher.published(event)
        self._outgoing.clear()

    def _recover(self) -> None:
        self._memory.claim(self._handler.feed)
        try:
            remembered = self._memory.load()
            if remembered is not None:
                self._handler.restore(remembered.checkpoint)
                self._outgoing = [*remembered.events, *self._outgoing]
        except ValueError as error:
            self._log.warning("going on from what was published alone", error=str(error))
        last = self._publisher.last(self._handler.book)
        if last is not None:
            self._handler.resume(last.seq, last.ts)
            self._log.info("going on", seq=last.seq, last=last.ids[-1:])
        self._recovered = True

    def _alert(self, notice: Notice, now_ns: int) -> Alert:
        header = Header.root(
            book=self._handler.book,
            ts=now_ns,
            seq=self._handler.snapshots_and_ticks,
            producer=PRODUCER,
            suffix=notice.code,
        )
        return Alert(header=header, severity=notice.severity, code=notice.code, text=notice.text)


def is_good(event: Event) -> bool:
    """Say whether an event is a snapshot of the market as it is, not one that stands in for it."""
    return isinstance(event, ChainSnapshot) and QualityFlag.FALLBACK not in event.quality


async def run_until(stop: threading.Event, feed: LiveFeed) -> None:
    """Run a feed until told to stop; it ends at once wherever it waits, and never within a publication."""
    running = asyncio.create_task(feed.run())
    stopped = asyncio.create_task(asyncio.to_thread(stop.wait))
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    finally:
        stop.set()
        await stopped
