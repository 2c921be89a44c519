"""How fast variance runs: minutes weighted by what the market does in them, from a dated table.

A minute of trading counts 1, a night a fixed number of minutes, a day without a session a few more. Volatility on this
clock says the same on every weekday and at every hour; on calendar minutes an expiry day looks more than twice as
volatile as the day before, because the nights and weekends it no longer has ahead of it hardly count in the market.
Source: French and Roll (1986), "Stock return variances: the arrival of information and the reaction of traders".
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, day_start_ns, ist_date
from shared.errors import TableError
from shared.market.calendar import Session, SessionKind, TradingCalendar
from shared.market.dated_table import DatedTable, Row, TableWarning, in_force
from shared.market.year import DAYS_PER_YEAR, MINIMUM_MINUTES, MINUTES_PER_YEAR

if TYPE_CHECKING:
    from pathlib import Path

_MINUTES_PER_DAY: Final = 1440.0
_NUMBER: Final = (int, float)
_ONE_DAY: Final = timedelta(days=1)
_FIELDS: Final[dict[str, type | tuple[type, ...]]] = {
    "from": date,
    "session_minute": _NUMBER,
    "closed_minute": _NUMBER,
    "night": _NUMBER,
    "idle_day": _NUMBER,
    "auction": _NUMBER,
    "auction_from": time,
    "auction_until": time,
    "year_sessions": _NUMBER,
    "session_minutes": _NUMBER,
    "realised_year": str,
}


@dataclass(frozen=True, slots=True)
class VarianceWeights:
    """What time is worth while one row of the table is in force, all in variance minutes.

    Attributes:
        session_minute: a minute of trading.
        closed_minute: a minute between two sessions.
        night: the time between two sessions, on top of its minutes and however long it is.
        idle_day: a day without a session between them, on top of the night.
        auction: the closing auction, on top of its minutes, spread evenly over them.
        auction_from, auction_until: when the auction's price forms, time of day in India.
        year_sessions: sessions in the year of annual figures.
        session_minutes: length of a regular session, minutes.
        realised_year: what realised volatility is annualised by: `clock`, the year of this clock; or `sessions`,
            `year_sessions` sessions and no night.
    """

    session_minute: float
    closed_minute: float
    night: float
    idle_day: float
    auction: float
    auction_from: time
    auction_until: time
    year_sessions: float
    session_minutes: float
    realised_year: str

    @property
    def minutes_per_year(self) -> float:
        """Variance minutes in a year of regular sessions, their nights and the days without one."""
        traded = self.year_sessions * self.session_minutes
        return (
            self.year_sessions * (self.session_minutes * self.session_minute + self.auction + self.night)
            + (MINUTES_PER_YEAR - traded) * self.closed_minute
            + (DAYS_PER_YEAR - self.year_sessions) * self.idle_day
        )

    @property
    def minutes_per_day(self) -> float:
        """Variance minutes in a regular session and the night before it."""
        closed = (_MINUTES_PER_DAY - self.session_minutes) * self.closed_minute
        return self.session_minutes * self.session_minute + self.auction + self.night + closed

    @property
    def days_per_year(self) -> float:
        """Regular sessions with their nights that make a year of variance."""
        return self.minutes_per_year / self.minutes_per_day


class VarianceClock:
    """Counts variance minutes and years between two moments.

    Minutes are additive and never fall: they are differences of one running count, kept in whole nanoseconds. The count
    is made as far as it is asked for and remembered.

    Args:
        calendar: sessions.
        table: rows of weights; `VarianceClock.load` reads the packaged ones.

    Raises:
        TableError: a row lacks a field, or its numbers make no clock.
    """

    def __init__(self, calendar: TradingCalendar, table: DatedTable) -> None:
        self._calendar = calendar
        self._rows: list[Row] = [
            {"from": row["from"], "weights": _weights(row)} for row in table.fields("weights", _FIELDS)
        ]
        self._table = table
        self._weights_of: dict[date, VarianceWeights] = {}
        self._sessions: list[Session] = []
        self._stamps: list[int] = []
        self._counts: list[int] = []

    @classmethod
    def load(cls, calendar: TradingCalendar, overrides: Path | None = None) -> VarianceClock:
        """Read the packaged table and lay the user's file, of the same format, over it."""
        return cls(calendar, DatedTable.load("variance", overrides))

    def weights(self, day: date) -> VarianceWeights:
        """Give the weights in force on a day.

        Raises:
            TableError: no row begins so early.
        """
        found = self._weights_of.get(day)
        if found is None:
            found = in_force(self._rows, day, "variance weights")["weights"]
            self._weights_of[day] = found
        return found

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the weights were not verified to `on`."""
        return self._table.staleness(on)

    def minutes(self, start_ns: int, end_ns: int) -> float:
        """Count variance minutes from one moment to another, both ns UTC; negative when the second is earlier.

        Raises:
            TableError: the tables do not reach so far back.
        """
        return (self._count(end_ns) - self._count(start_ns)) / NS_PER_MINUTE

    def years(self, start_ns: int, end_ns: int, floor_minutes: float = MINIMUM_MINUTES) -> float:
        """Give variance minutes as a share of the year in force at the start, not below the floor of pricing.

        A moment equal to the end takes the floor; one after it is past the close, NaN.
        """
        if end_ns < start_ns:
            return math.nan
        return max(self.minutes(start_ns, end_ns), floor_minutes) / self.minutes_per_year(start_ns)

    def minutes_per_year(self, ns: int) -> float:
        """Give the variance minutes of the year in force at a moment, ns UTC."""
        return self.weights(ist_date(ns)).minutes_per_year

    def realised_year(self, session: Session) -> float:
        """Give the trading minutes of a session that are worth a year: variance per minute times this is annual."""
        weights = self.weights(session.day)
        if weights.realised_year == "sessions":
            return weights.year_sessions * (session.close_ns - session.open_ns) / NS_PER_MINUTE
        return weights.minutes_per_year / weights.session_minute

    def _count(self, ns: int) -> int:
        if not self._stamps or not self._stamps[0] <= ns < self._stamps[-1]:
            self._reach(ns)
        at = bisect_right(self._stamps, ns) - 1
        start, count = self._stamps[at], self._counts[at]
        return count + (ns - start) * (self._counts[at + 1] - count) // (self._stamps[at + 1] - start)

    def _reach(self, ns: int) -> None:
        """Extend the running count so that it begins at or before a moment and ends after it."""
        calendar, day = self._calendar, ist_date(ns)
        if not self._sessions:
            first = calendar.session(calendar.previous_trading_day(day))
            assert first is not None  # noqa: S101 - previous_trading_day has one
            self._sessions = [first]
            self._stamps, self._counts = self._segments(first, 0)
        if ns < self._stamps[0]:
            earlier = [self._sessions[0]]
            while earlier[-1].open_ns > ns:
                before = calendar.session(calendar.previous_trading_day(earlier[-1].day))
                assert before is not None  # noqa: S101 - previous_trading_day has one
                earlier.append(before)
            self._rebuild([*earlier[:0:-1], *self._sessions])
        while self._stamps[-1] <= ns:
            last = self._sessions[-1]
            after = calendar.session(calendar.next_trading_day(last.day))
            assert after is not None  # noqa: S101 - next_trading_day has one
            self._append(last, after)

    def _rebuild(self, sessions: list[Session]) -> None:
        """Make the count anew from an earlier session on; where it stood before, it stands as it did."""
        stamp, count = self._stamps[0], self._counts[0]
        self._sessions = sessions[:1]
        self._stamps, self._counts = self._segments(sessions[0], 0)
        for last, after in pairwise(sessions):
            self._append(last, after)
        shift = count - self._counts[self._stamps.index(stamp)]
        self._counts = [each + shift for each in self._counts]

    def _append(self, last: Session, after: Session) -> None:
        stamps, counts = self._segments(after, self._counts[-1] + self._closure(last, after))
        self._sessions.append(after)
        self._stamps += stamps
        self._counts += counts

    def _closure(self, last: Session, after: Session) -> int:
        """Weigh the time between two sessions, weighted ns.

        The hour of the festival is an idle day with trading: the one night before the next regular session counts.
        """
        weights = self.weights(after.day)
        festive = after.kind is SessionKind.MUHURAT
        idle = (after.day - last.day) // _ONE_DAY - (not festive)
        lump = idle * weights.idle_day + (0.0 if festive else weights.night)
        return _weighed(after.open_ns - last.close_ns, weights.closed_minute) + _weighed(NS_PER_MINUTE, lump)

    def _segments(self, session: Session, count: int) -> tuple[list[int], list[int]]:
        """Give the moments at which a session's pace changes and the running count there."""
        weights = self.weights(session.day)
        midnight = day_start_ns(session.day)
        begins, ends = (midnight + _ns_of(at) for at in (weights.auction_from, weights.auction_until))
        if weights.auction <= 0.0 or not session.open_ns < begins < ends <= session.close_ns:
            begins = ends = session.close_ns
        stamps, counts = [session.open_ns], [count]
        for stamp, extra in ((begins, 0.0), (ends, weights.auction), (session.close_ns, 0.0)):
            if stamp > stamps[-1]:
                traded = _weighed(stamp - stamps[-1], weights.session_minute)
                counts.append(counts[-1] + traded + _weighed(NS_PER_MINUTE, extra))
                stamps.append(stamp)
        return stamps, counts


def restated(volatility: float, years: float, other_years: float) -> float:
    """Say a volatility over `years` of one clock in `other_years` of another: the total variance is the same."""
    return volatility * math.sqrt(years / other_years)


def _weighed(ns: int, weight: float) -> int:
    return round(ns * weight)


def _ns_of(at: time) -> int:
    return (at.hour * 3600 + at.minute * 60 + at.second) * NS_PER_SECOND


def _weights(row: Row) -> VarianceWeights:
    found = VarianceWeights(**{name: row[name] for name in _FIELDS if name != "from"})
    numbers = [row[name] for name, kind in _FIELDS.items() if kind is _NUMBER]
    if not all(math.isfinite(number) and number >= 0.0 for number in numbers):
        raise TableError(f"expected weights of 0 or more in [[weights]] from {row['from']}, got {row!r}")
    if found.session_minute <= 0.0 or found.year_sessions <= 0.0 or found.session_minutes <= 0.0:
        raise TableError(f"expected sessions that count in [[weights]] from {row['from']}, got {row!r}")
    if found.realised_year not in {"clock", "sessions"}:
        raise TableError(
            f"expected a realised_year of 'clock' or 'sessions' in [[weights]] from {row['from']}, "
            f"got {found.realised_year!r}"
        )
    return found
