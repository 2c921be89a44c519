"""The dashboard's memory: a pure fold of events into what is true of each book now. Bounded, no clock, no I/O."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from services.gateway.projection.day import DayLedger
from services.gateway.schemas.book import HaltAnswer
from services.gateway.schemas.events import MarketAnswer, PositionAnswer, SignalAnswer
from services.gateway.schemas.limits import LimitsAnswer
from services.gateway.schemas.operation import AlertAnswer, SessionAnswer
from shared import events
from shared.clock import ist_date
from shared.text.formatting import iso_text

_ALERTS_KEPT = 100
_UNDERLYINGS_KEPT = 8
_BOOKS_KEPT = 64
_OF_A_PARTITION = re.compile(r"(partition)?\d*")


class Section(StrEnum):
    """A part of the view that is sent when it has changed."""

    STATUS = "status"
    MARKET = "market"
    SIGNAL = "signal"
    POSITIONS = "positions"
    TRADES = "trades"
    DAY = "day"
    EQUITY = "equity"
    DENIALS = "denials"
    ALERTS = "alerts"
    LIMITS = "limits"


class BookView:
    """One book. `versions` counts the changes of each section.

    A new run on the same broker (the book's steps start again from an earlier event time) clears the day, as a new
    day does. Alerts and the halt state outlive both.
    """

    def __init__(self, book: str) -> None:
        self.book = book
        self.versions: Counter[Section] = Counter()
        self.markets: dict[str, events.ChainSnapshot] = {}
        self.market_ts: int | None = None
        self.last_snapshot_ts: int | None = None
        self.seq = 0
        self.signal: events.Signal | None = None
        self.ledger = DayLedger("")
        self.state: events.BookState | None = None
        self.alerts: deque[events.Alert] = deque(maxlen=_ALERTS_KEPT)
        self.halted: events.HaltChanged | None = None
        self.limits_used: events.LimitState | None = None
        self.model: events.ModelPublished | None = None
        self.mode: events.ModeChanged | None = None
        self.reported: events.DayReported | None = None
        self.dead_letters = 0
        self.venue: events.VenueState | None = None
        self._fold: Mapping[type[events.Event], Callable[..., None]] = {
            events.ChainSnapshot: self._on_snapshot,
            events.ClockTick: self._on_tick,
            events.Signal: self._on_signal,
            events.Denial: self._on_denial,
            events.Trade: self._on_trade,
            events.BookState: self._on_state,
            events.ModelPublished: self._on_model,
            events.HaltChanged: self._on_halt,
            events.LimitState: self._on_limits,
            events.ModeChanged: self._on_mode,
            events.DayReported: self._on_report,
            events.VenueState: self._on_venue,
            events.Alert: self._on_alert,
            events.DeadLetter: self._on_dead_letter,
        }

    def fold(self, event: events.Event) -> None:
        """Take one event; kinds that the page does not show are passed over."""
        step = self._fold.get(type(event))
        if step is not None:
            step(event)

    def market(self) -> tuple[MarketAnswer, ...]:
        """Show each underlying at its newest snapshot, with forward and volatility of the newest decision on it."""
        return tuple(self._market_of(snapshot) for _, snapshot in sorted(self.markets.items()))

    def last_signal(self) -> SignalAnswer | None:
        """Show the newest decision."""
        return None if self.signal is None else SignalAnswer.of(self.signal)

    def positions(self) -> tuple[PositionAnswer, ...]:
        """Show the open positions as the executor last told them."""
        state = self.state
        return () if state is None else tuple(PositionAnswer.of(position) for position in state.positions)

    def recent_alerts(self, common: Iterable[events.Alert] = ()) -> tuple[AlertAnswer, ...]:
        """Show the alerts and those that concern every book, the newest first."""
        newest = sorted((*self.alerts, *common), key=lambda alert: alert.header.ts, reverse=True)
        return tuple(AlertAnswer.of(alert) for alert in newest[:_ALERTS_KEPT])

    def halt(self) -> HaltAnswer:
        """Show what risk last said the book may do; unknown before it has said anything."""
        return HaltAnswer() if self.halted is None else HaltAnswer.of(self.halted)

    def session(self) -> SessionAnswer:
        """Show the mode that was last told, and the last day's report; unknown before the first."""
        return SessionAnswer.of(self.mode, self.reported)

    def limits(self) -> LimitsAnswer:
        """Show what the book uses of its limits, as risk last said."""
        return LimitsAnswer() if self.limits_used is None else LimitsAnswer.of(self.limits_used)

    def _touch(self, *sections: Section) -> None:
        self.versions.update(sections)

    def _market_of(self, snapshot: events.ChainSnapshot) -> MarketAnswer:
        decided = None if self.signal is None else self.signal.market
        seen = decided if decided is not None and decided.underlying == snapshot.underlying else None
        return MarketAnswer(
            underlying=snapshot.underlying,
            at=iso_text(snapshot.header.ts),
            spot=snapshot.spot,
            forward=None if seen is None else seen.forward,
            atm_iv=None if seen is None else seen.atm_iv,
            vix=snapshot.vix,
            expiry=seen.expiry if seen is not None else next((e.expiry for e in snapshot.expiries), None),
            source=snapshot.source,
            quality=tuple(flag.value for flag in snapshot.quality),
        )

    def _on_snapshot(self, event: events.ChainSnapshot) -> None:
        if event.underlying in self.markets or len(self.markets) < _UNDERLYINGS_KEPT:
            # Only the frame is shown: the columns of a whole chain need not stay in memory.
            bare = events.ChainSnapshot(
                header=event.header,
                underlying=event.underlying,
                received_ns=event.received_ns,
                spot=event.spot,
                vix=event.vix,
                expiries=tuple(_bare_expiry(expiry) for expiry in event.expiries[:1]),
                source=event.source,
                quality=event.quality,
            )
            self.markets[event.underlying] = bare
        self.market_ts = self.last_snapshot_ts = event.header.ts
        self.seq = event.header.seq
        self._touch(Section.MARKET, Section.STATUS)

    def _on_tick(self, event: events.ClockTick) -> None:
        self.market_ts = event.header.ts
        self.seq = event.header.seq
        if event.last_snapshot_ts is not None:
            self.last_snapshot_ts = event.last_snapshot_ts
        self._touch(Section.STATUS)

    def _on_signal(self, event: events.Signal) -> None:
        self._day_of(event)
        self.signal = event
        self.ledger.add_signal(event)
        self._touch(Section.SIGNAL, Section.MARKET, Section.DAY)

    def _on_denial(self, event: events.Denial) -> None:
        self._day_of(event)
        self.ledger.add_denial(event)
        self._touch(Section.DENIALS)

    def _on_trade(self, event: events.Trade) -> None:
        self._day_of(event)
        self.ledger.add_trade(event)
        self._touch(Section.TRADES, Section.DAY)

    def _on_state(self, event: events.BookState) -> None:
        self._day_of(event)
        if self.state is not None and event.header.ts < self.state.header.ts:
            self._start_day(self.ledger.day)
        self.state = event
        self.ledger.add_state(event)
        self._touch(Section.POSITIONS, Section.DAY, Section.EQUITY)

    def _on_model(self, event: events.ModelPublished) -> None:
        self.model = event
        self._touch(Section.STATUS)

    def _on_halt(self, event: events.HaltChanged) -> None:
        self.halted = event
        self._touch(Section.STATUS)

    def _on_mode(self, event: events.ModeChanged) -> None:
        self.mode = event
        self._touch(Section.STATUS)

    def _on_report(self, event: events.DayReported) -> None:
        self.reported = event
        self._touch(Section.STATUS)

    def _on_limits(self, event: events.LimitState) -> None:
        self.limits_used = event
        self._touch(Section.LIMITS)

    def _on_venue(self, event: events.VenueState) -> None:
        self.venue = event
        self._touch(Section.STATUS)

    def _on_alert(self, event: events.Alert) -> None:
        self.alerts.append(event)
        self._touch(Section.ALERTS)

    def _on_dead_letter(self, event: events.DeadLetter) -> None:
        del event
        self.dead_letters += 1
        self._touch(Section.DAY)

    def _day_of(self, event: events.Event) -> None:
        day = ist_date(event.header.ts).isoformat()
        if day != self.ledger.day:
            self._start_day(day)

    def _start_day(self, day: str) -> None:
        # The last state stays until the next one comes: positions may be held overnight.
        self.ledger = DayLedger(day)
        self._touch(Section.TRADES, Section.DAY, Section.EQUITY, Section.DENIALS, Section.POSITIONS)


class LiveView:
    """All books. `refused` counts events of books beyond the number that is kept.

    Alerts of the pipeline itself, whose key is a partition and no book, stand in `common`.
    """

    def __init__(self, limit: int = _BOOKS_KEPT) -> None:
        self._limit = limit
        self.books: dict[str, BookView] = {}
        self.common = BookView("")
        self.refused = 0

    def fold(self, event: events.Event) -> None:
        """Take one event into its book."""
        name = event.header.book
        if _OF_A_PARTITION.fullmatch(name):
            self.common.fold(event)
            return
        view = self.books.get(name)
        if view is None:
            if len(self.books) >= self._limit:
                self.refused += 1
                return
            view = self.books[name] = BookView(name)
        view.fold(event)

    def forget(self, book: str) -> None:
        """Drop a book whose streams are gone; it starts again with its next event."""
        self.books.pop(book, None)


def _bare_expiry(expiry: events.ExpiryChain) -> events.ExpiryChain:
    empty = events.LegColumns(bid=(), ask=(), bid_qty=(), ask_qty=(), ltp=(), volume=(), oi=(), oi_change=(), iv=())
    return events.ExpiryChain(expiry=expiry.expiry, strikes=(), call=empty, put=empty, spot=expiry.spot)
