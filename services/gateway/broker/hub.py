"""What the follower's thread and the requests share: the view under a lock, the broker's state, the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from services.gateway.broker.follower import StreamEntry
from services.gateway.broker.service_life import ServiceLife
from services.gateway.projection.freshness import Arrival, PriceAge, judge
from services.gateway.projection.reports import streams_answer
from services.gateway.projection.view import BookView, LiveView, Section
from services.gateway.schemas.api import StreamsAnswer
from services.gateway.schemas.book import BookAnswer, StatusAnswer
from services.gateway.schemas.events import Answer
from services.gateway.schemas.venue import VenueStateAnswer
from services.gateway.settings import GatewaySettings
from shared.clock import Clock, monotonic_ns
from shared.errors import WireError
from shared.events import ChainSnapshot, ClockTick
from shared.events.topology import partition_of
from shared.market.calendar import TradingCalendar
from shared.streaming.protocol.beats import Beat
from shared.streaming.protocol.reports import BrokerReport
from shared.text.formatting import iso_text, mode_words

AnswerT = TypeVar("AnswerT", bound=Answer)
_NS_PER_MS: Final = 1_000_000
_BEAT_LIMIT_NS: Final = 30_000_000_000


class UnknownBookError(LookupError):
    """No event of the book has been seen, and it is not configured."""


class Hub:
    """Takes what the follower reads and answers what requests ask, from any thread.

    Args:
        settings: of the gateway.
        books: configured ones; readiness is judged on these.
        partitions: streams per topic.
        clock: the present.
        calendar: sessions of the exchange.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        books: Sequence[str],
        partitions: int,
        clock: Clock,
        calendar: TradingCalendar,
    ) -> None:
        self.settings = settings
        self.books = tuple(books)
        self.partitions = partitions
        self.clock = clock
        self._calendar = calendar
        self.services = ServiceLife(settings.silence_s)
        self._lock = threading.RLock()
        self._view = LiveView()
        self._arrivals: dict[str, Arrival] = {}
        self._generation = 0
        self._broker_ok = False
        self._broker_text = "not connected yet"
        self._report: StreamsAnswer | None = None
        self._report_number = 0
        self._beat_ns = monotonic_ns()
        self.absorbed = 0
        self.unreadable = 0
        self.last_unreadable = ""
        self.broker_losses = 0

    # --- the follower's side

    def absorb(self, entries: Sequence[StreamEntry]) -> None:
        """Fold events into the view."""
        with self._lock:
            for entry in entries:
                self._view.fold(entry.event)
                if isinstance(entry.event, ChainSnapshot | ClockTick):
                    self._arrive(entry.event, entry.order[0] * _NS_PER_MS)
            self.absorbed += len(entries)

    def forget_partition(self, partition: int) -> None:
        """Drop the books of a partition."""
        with self._lock:
            for book in [name for name in self._view.books if partition_of(name, self.partitions) == partition]:
                self._view.forget(book)
                self._arrivals.pop(book, None)
            self._generation += 1

    def note_unreadable(self, error: WireError) -> None:
        """Count an entry that is no event."""
        with self._lock:
            self.unreadable += 1
            self.last_unreadable = str(error)

    def note_broker(self, *, ok: bool, text: str) -> None:
        """Learn whether the broker answers."""
        if not ok:
            self.services.lost_sight()
        with self._lock:
            self.broker_losses += self._broker_ok and not ok
            self._broker_ok = ok
            self._broker_text = text
            self._beat_ns = monotonic_ns()

    def note_beats(self, beats: Sequence[Beat]) -> None:
        """Take the newest signs of life of the services."""
        self.services.note(beats)

    def note_report(self, report: BrokerReport) -> None:
        """Take the newest inspection."""
        with self._lock:
            self._report = streams_answer(report)
            self._report_number += 1

    # --- the requests' side

    def known_books(self) -> tuple[str, ...]:
        """Name the configured books and those events were seen of."""
        with self._lock:
            return (*self.books, *sorted(set(self._view.books) - set(self.books)))

    def market_moment(self, book: str) -> tuple[int, int]:
        """Give event time (ns UTC) and sequence at which a command of now belongs: the market's, or the clock's."""
        with self._lock:
            view = self._view_of(book)
            freshness = self._judge(book)
            now = self.clock.now_ns()
            ts = view.market_ts if freshness.feed == "replay" and view.market_ts is not None else now
            return ts, view.seq

    def broker(self) -> tuple[bool, str]:
        """Say whether the broker answers, in words too."""
        with self._lock:
            return self._broker_ok, self._broker_text

    def liveness(self) -> tuple[bool, str]:
        """Say whether the following thread goes round."""
        with self._lock:
            age = monotonic_ns() - self._beat_ns
        return age <= _BEAT_LIMIT_NS, f"last round of reading {age / 1e9:.1f} s ago"

    def streams(self) -> StreamsAnswer | None:
        """Give the newest inspection, None before the first."""
        with self._lock:
            return self._report

    def freshness(self, book: str) -> PriceAge:
        """Judge a book's prices."""
        with self._lock:
            return self._judge(book)

    def status(self, book: str) -> StatusAnswer:
        """Give the line at the top."""
        with self._lock:
            return self._status(self._view_of(book))

    def whole(self, book: str) -> BookAnswer:
        """Give everything about a book; UnknownBookError when there is no such book."""
        with self._lock:
            view = self._view_of(book)
            ledger = view.ledger
            return BookAnswer(
                status=self._status(view),
                market=view.market(),
                signal=view.last_signal(),
                positions=view.positions(),
                trades=ledger.trades(),
                day=ledger.figures(view.dead_letters + self._view.common.dead_letters),
                equity=ledger.equity(),
                denials=ledger.denials(),
                alerts=view.recent_alerts(self._view.common.alerts),
                limits=view.limits(),
            )

    def ask(self, book: str, ask: Callable[[BookView], AnswerT]) -> AnswerT:
        """Ask the view of a book something, under the lock; UnknownBookError when there is no such book."""
        with self._lock:
            return ask(self._view_of(book))

    def changes(self, book: str, seen: Mapping[str, int]) -> tuple[dict[str, int], dict[str, object]]:
        """Give the sections that changed since the versions of `seen`, and the versions now. Status always comes."""
        with self._lock:
            view = self._view_of(book)
            versions: dict[str, int] = {section.value: view.versions[section] for section in Section}
            versions[Section.ALERTS.value] += self._view.common.versions[Section.ALERTS]
            versions |= {"streams": self._report_number, "generation": self._generation}
            afresh = seen.get("generation") != self._generation
            whole = self._parts(view)
            changed: dict[str, object] = {
                name: part() for name, part in whole.items() if afresh or seen.get(name) != versions[name]
            }
            changed["status"] = self._status(view).model_dump()
            return versions, changed

    def _parts(self, view: BookView) -> dict[str, Callable[[], object]]:
        ledger = view.ledger
        return {
            Section.MARKET.value: lambda: [market.model_dump() for market in view.market()],
            Section.SIGNAL.value: lambda: None if (signal := view.last_signal()) is None else signal.model_dump(),
            Section.POSITIONS.value: lambda: [position.model_dump() for position in view.positions()],
            Section.TRADES.value: lambda: [trade.model_dump() for trade in ledger.trades()],
            Section.DAY.value: lambda: ledger.figures(view.dead_letters + self._view.common.dead_letters).model_dump(),
            Section.EQUITY.value: lambda: ledger.equity().model_dump(),
            Section.DENIALS.value: lambda: ledger.denials().model_dump(),
            Section.LIMITS.value: lambda: view.limits().model_dump(),
            Section.ALERTS.value: lambda: [
                alert.model_dump() for alert in view.recent_alerts(self._view.common.alerts)
            ],
            "streams": lambda: None if self._report is None else self._report.model_dump(),
        }

    def _view_of(self, book: str) -> BookView:
        view = self._view.books.get(book)
        if view is not None:
            return view
        if book in self.books:
            return BookView(book)
        known = ", ".join(self.known_books())
        raise UnknownBookError(f"expected one of the books {known}, got {book!r}")

    def _arrive(self, event: ChainSnapshot | ClockTick, arrived_ns: int) -> None:
        before = self._arrivals.get(event.header.book)
        if isinstance(event, ChainSnapshot):
            snapshot_ts: int | None = event.header.ts
            snapshot_arrived: int | None = arrived_ns
        else:
            snapshot_ts = event.last_snapshot_ts
            same = before is not None and before.snapshot_ts == snapshot_ts
            snapshot_arrived = before.snapshot_arrived_ns if before is not None and same else None
            if snapshot_ts is not None and snapshot_arrived is None:
                snapshot_arrived = arrived_ns
        self._arrivals[event.header.book] = Arrival(event.header.ts, snapshot_ts, arrived_ns, snapshot_arrived)

    def _judge(self, book: str) -> PriceAge:
        return judge(self._arrivals.get(book), self.clock.now_ns(), self._calendar, self.settings.stale_after_s)

    def _status(self, view: BookView) -> StatusAnswer:
        freshness = self._judge(view.book)
        return StatusAnswer(
            book=view.book,
            books=self.known_books(),
            mode=mode_words(view.venue),
            venue=None if view.venue is None else VenueStateAnswer.of(view.venue),
            feed=freshness.feed,
            now=iso_text(self.clock.now_ns()),
            market_at=None if view.market_ts is None else iso_text(view.market_ts),
            last_tick_at=None if view.last_snapshot_ts is None else iso_text(view.last_snapshot_ts),
            tick_age_s=freshness.age_s,
            freshness=freshness.state,
            freshness_text=freshness.text,
            broker_ok=self._broker_ok,
            broker_text=self._broker_text,
            halt=view.halt(),
            session=view.session(),
            control=self.settings.control_token is not None,
            unreadable=self.unreadable,
            silent=self.services.silent(),
        )
