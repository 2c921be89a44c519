"""When the NSE derivatives segment trades: sessions by day, from dated tables."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from shared.clock import IST, ist_date
from shared.errors import TableError
from shared.market.dated_table import DatedTable, TableWarning, in_force
from shared.market.session import Session, SessionKind
from shared.market.session_rows import Hours, SessionRows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Session", "SessionKind", "TradingCalendar"]

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
_LONGEST_CLOSURE_DAYS = 30


class TradingCalendar:
    """Sessions, holidays and trading days of the NSE derivatives segment.

    The packaged table knows every day of its listed years; earlier years take their holidays from
    pandas_market_calendars, and days after `covered_until` are assumed from weekdays and holidays of fixed date
    (such a `Session` says so, and `is_covered` is false).

    Args:
        table: rows of hours, holidays and sessions; `TradingCalendar.load` reads the packaged ones.
    """

    def __init__(self, table: DatedTable) -> None:
        self._table = table
        self.covered_until = table.covered_until
        self._hours = table.fields("hours", {"from": date, "open": time, "close": time})
        library_rows = table.fields("library_base", {"until": date})
        self._library_until = max((row["until"] for row in library_rows), default=table.covered_from - _ONE_DAY)
        self._holidays: dict[date, str] = {
            row["day"]: row["name"] for row in table.fields("holiday", {"day": date, "name": str})
        }
        self._yearly: dict[tuple[int, int], str] = {
            (row["month"], row["day"]): row["name"]
            for row in table.fields("yearly_holiday", {"month": int, "day": int, "name": str})
        }
        self._rows = SessionRows(table)
        self._library_years: dict[int, dict[date, Hours]] = {}
        self._sessions: dict[date, Session | None] = {}

    @classmethod
    def load(cls, overrides: Path | None = None) -> TradingCalendar:
        """Read the packaged tables and lay the user's file, of the same format, over them."""
        return cls(DatedTable.load("calendar", overrides))

    def session(self, day: date) -> Session | None:
        """Give the session of a day, None when there is none or its hours are not known.

        TableError for days before the table begins.
        """
        try:
            return self._sessions[day]
        except KeyError:
            found = self._sessions[day] = self._find(day)
            return found

    def session_at(self, ns: int) -> Session | None:
        """Give the session that is open at `ns` UTC, its first and last moment included, None when closed."""
        found = self.session(ist_date(ns))
        return found if found is not None and found.is_open_at(ns) else None

    def is_trading_day(self, day: date) -> bool:
        """Say whether the day has a session, festival and weekend sessions included."""
        return self.session(day) is not None

    def is_business_day(self, day: date) -> bool:
        """Say whether contracts can expire on the day: a weekday with a session that is no festival hour."""
        found = self.session(day)
        return found is not None and day.weekday() < _SATURDAY and found.kind is not SessionKind.MUHURAT

    def previous_trading_day(self, day: date) -> date:
        """Give the last trading day before `day`."""
        return self._step(day, -_ONE_DAY)

    def next_trading_day(self, day: date) -> date:
        """Give the first trading day after `day`."""
        return self._step(day, _ONE_DAY)

    def trading_days(self, start: date, end: date) -> list[date]:
        """Give the trading days from `start` to `end`, both included."""
        days = (start + timedelta(days=offset) for offset in range((end - start).days + 1))
        return [day for day in days if self.is_trading_day(day)]

    def is_covered(self, day: date) -> bool:
        """Say whether the tables know the day rather than assume it."""
        return self._table.covered_from <= day <= self.covered_until

    def holiday_name(self, day: date) -> str | None:
        """Give the name of the holiday on `day`, None when it is none (or only a weekend).

        A day with a festival session is a holiday and a trading day at once. Holidays of the years taken from
        the library have no name there and are called "exchange holiday".
        """
        listed = self._holidays.get(day)
        if listed is not None:
            return listed
        if day > self.covered_until:
            return self._yearly.get((day.month, day.day))
        is_weekday = day.weekday() < _SATURDAY
        return "exchange holiday" if day <= self._library_until and is_weekday and self.session(day) is None else None

    def note(self, day: date) -> str:
        """Give what the table remarks on a day's session (unknown hours, unsure source), empty when nothing."""
        return self._rows.note(day)

    def announced(self, start: date, end: date) -> list[date]:
        """Give the days from `start` to `end` with a session whose hours are not known: none of them can be traded."""
        return [day for day in self._rows.announced() if start <= day <= end]

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the calendar does not cover `on`."""
        return self._table.staleness(on)

    def _find(self, day: date) -> Session | None:
        if day < self._table.covered_from:
            raise TableError(f"expected a day from {self._table.covered_from:%d-%b-%Y} on, got {day:%d-%b-%Y}")
        if self._rows.is_special(day):
            return self._rows.special(day)
        assumed = day > self.covered_until
        if day.weekday() >= _SATURDAY or day in self._holidays or (assumed and (day.month, day.day) in self._yearly):
            return None
        hours = in_force(self._hours, day, "hours of trade")
        if day <= self._library_until:
            return self._find_in_library(day, (hours["open"], hours["close"]))
        return self._rows.build(day, [(hours["open"], hours["close"])], SessionKind.REGULAR, assumed=assumed)

    def _find_in_library(self, day: date, regular: Hours) -> Session | None:
        if day.year not in self._library_years:
            self._library_years[day.year] = _library_year(day.year)
        hours = self._library_years[day.year].get(day)
        if hours is None:
            return None
        if hours[0] == regular[0]:
            kind = SessionKind.REGULAR if hours[1] == regular[1] else SessionKind.SPECIAL
        else:
            kind = SessionKind.MUHURAT
        return self._rows.build(day, [hours], kind)

    def _step(self, day: date, step: timedelta) -> date:
        candidate = day + step
        for _ in range(_LONGEST_CLOSURE_DAYS):
            if self.is_trading_day(candidate):
                return candidate
            candidate += step
        raise TableError(f"expected a trading day within {_LONGEST_CLOSURE_DAYS} days of {day:%d-%b-%Y}, found none")


def _library_year(year: int) -> dict[date, Hours]:
    # Imported when a year before our own tables is asked for: the import costs most of a second.
    import pandas_market_calendars  # noqa: PLC0415

    schedule = pandas_market_calendars.get_calendar("NSE").schedule(f"{year}-01-01", f"{year}-12-31", tz=IST)
    return {
        opens.date(): (opens.time(), closes.time())
        for opens, closes in zip(schedule["market_open"], schedule["market_close"], strict=True)
    }
