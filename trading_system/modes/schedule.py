"""When a book is LIVE and when OFFLINE: a pure function of the exchange's calendar and a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.clock import NS_PER_SECOND, ist_date
from shared.events import Mode
from shared.market.calendar import Session, TradingCalendar


@dataclass(frozen=True, slots=True)
class Phase:
    """A mode from its beginning to its end.

    Attributes:
        mode: which.
        day: of the session: LIVE's own, the next one while OFFLINE.
        over: day of the session before; LIVE's own is not over yet.
        since_ns, until_ns: its bounds, ns UTC; the second is the next mode's first moment.
        open_ns: first moment of trading of `day`, ns UTC.
    """

    mode: Mode
    day: date
    over: date
    since_ns: int
    until_ns: int
    open_ns: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Modes by the calendar.

    Attributes:
        calendar: sessions by date.
        before_s: LIVE begins so many seconds before the open.
        after_s: it ends so many seconds after the close.
    """

    calendar: TradingCalendar
    before_s: float
    after_s: float

    def phase_at(self, ns: int) -> Phase:
        """Give the phase at a moment, ns UTC.

        Raises:
            TableError: the calendar knows no session near it.
        """
        today = ist_date(ns)
        session = self.calendar.session(today)
        if session is not None and self._ends(session) <= ns:
            return self._offline(today, self.calendar.next_trading_day(today))
        before = self.calendar.previous_trading_day(today)
        if session is None:
            return self._offline(before, self.calendar.next_trading_day(today))
        if ns < self._begins(session):
            return self._offline(before, today)
        return Phase(Mode.LIVE, today, before, self._begins(session), self._ends(session), session.open_ns)

    def _offline(self, over: date, following: date) -> Phase:
        last, coming = self._session(over), self._session(following)
        return Phase(Mode.OFFLINE, following, over, self._ends(last), self._begins(coming), coming.open_ns)

    def _session(self, day: date) -> Session:
        session = self.calendar.session(day)
        assert session is not None  # noqa: S101 - a trading day has one; for the type checker
        return session

    def _begins(self, session: Session) -> int:
        return session.open_ns - int(self.before_s * NS_PER_SECOND)

    def _ends(self, session: Session) -> int:
        return session.close_ns + int(self.after_s * NS_PER_SECOND)
