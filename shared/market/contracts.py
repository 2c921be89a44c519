"""Contract terms of index options by date: lots, ticks, freeze quantities, price bands and expiries."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

from shared.errors import BadInputError, TableError
from shared.market.dated_table import DatedTable, Row, TableWarning, in_force

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shared.market.calendar import TradingCalendar

_ONE_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_QUARTER_ENDS = frozenset({3, 6, 9, 12})
_LONGEST_SHIFT_DAYS = 6
_NUMBER = (int, float)
_PAISA_DIGITS = 2


class ContractTable:
    """Terms of index option contracts by date.

    Terms of a contract depend on its expiry and on the day asked about; every method says which it wants. Days
    after `covered_until` are answered by the newest rows: `staleness` tells of them.

    Args:
        table: rows of lots, terms, expiry weekdays and bands; `ContractTable.load` reads the packaged ones.
    """

    def __init__(self, table: DatedTable) -> None:
        self._table = table
        self.covered_until = table.covered_until
        lot_dates = dict.fromkeys(("introduced", "weekly_from", "monthly_from", "long_dated_from"), date)
        self._lots = _by_underlying(table.fields("lot", {"underlying": str, "size": int, **lot_dates}))
        self._terms = _by_underlying(
            table.fields(
                "terms",
                {"underlying": str, "from": date, "tick": _NUMBER, "strike_step": _NUMBER, "freeze_quantity": int},
            )
        )
        self._weekdays = _by_underlying(
            table.fields("expiry_weekday", {"underlying": str, "from": date, "weekday": int, "relisted": date})
        )
        self._weekly_series = _by_underlying(table.fields("weekly_series", {"underlying": str, "from": date}))
        self._bands = table.fields(
            "price_band", {"from": date, "wide_above": _NUMBER, "share": _NUMBER, "absolute": _NUMBER}
        )
        self._lot_cache: dict[tuple[str, date, date], int] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> ContractTable:
        """Read the packaged table and lay the user's file, of the same format, over it."""
        return cls(DatedTable.load("contracts", path))

    def lot_size(self, underlying: str, expiry: date, on: date) -> int:
        """Give the units in one lot of the contract expiring on `expiry`, as traded on day `on` (its last day when `on` is later).

        TableError for an underlying or a day the table does not know.
        """
        key = (underlying, expiry, on)
        try:
            return self._lot_cache[key]
        except KeyError:
            size = self._lot_cache[key] = self._find_lot(underlying, expiry, on)
            return size

    def tick_size(self, underlying: str, on: date) -> float:
        """Give the smallest price step in rupees."""
        return float(self._terms_on(underlying, on)["tick"])

    def freeze_quantity(self, underlying: str, on: date) -> int:
        """Give the largest order the exchange takes without a manual release, in units."""
        return int(self._terms_on(underlying, on)["freeze_quantity"])

    def max_lots_per_order(self, underlying: str, expiry: date, on: date) -> int:
        """Give the largest order in whole lots: the freeze quantity over the contract's lot."""
        return self.freeze_quantity(underlying, on) // self.lot_size(underlying, expiry, on)

    def strike_step(self, underlying: str, on: date | None = None) -> float:
        """Give the distance of neighbouring strikes near the money in points, today's when no day is named."""
        return float(self._terms_on(underlying, on or self.covered_until)["strike_step"])

    def price_band(self, reference_premium: float, on: date, underlying: str = "NIFTY") -> tuple[float, float]:
        """Give the lowest and highest limit price in rupees the exchange accepts, on the tick and inside the band.

        The reference is the average of the last 30 seconds of trades; the limit-price protection of the exchange
        takes a share of it above a premium set in the table and a fixed distance at or under that premium.
        BadInputError for a reference that is negative or not finite.
        """
        if not (math.isfinite(reference_premium) and reference_premium >= 0):
            raise BadInputError("a finite reference premium of 0 or more", reference_premium, "price_band")
        row = in_force(self._bands, on, "price bands")
        wide = reference_premium > row["wide_above"]
        reach = reference_premium * row["share"] if wide else row["absolute"]
        tick = self.tick_size(underlying, on)
        # The tiny allowance keeps 60.00 from becoming 60.05 because 60/0.05 is not whole in binary.
        low = math.ceil((reference_premium - reach) / tick - 1e-9) * tick
        high = math.floor((reference_premium + reach) / tick + 1e-9) * tick
        return round(max(low, tick), _PAISA_DIGITS), round(max(high, tick), _PAISA_DIGITS)

    def expiries(self, underlying: str, start: date, end: date, calendar: TradingCalendar) -> list[date]:
        """Give the days from `start` to `end`, both included, on which contracts expire, in order.

        A holiday moves the expiry to the business day before. Weekly contracts count from the day their series
        began, monthly ones (last such weekday of the month) always. For days the calendar only assumes, so does
        this. Live systems take the exchange's own list and check it against this one.
        """
        found = set()
        day = start
        while day <= end + timedelta(days=_LONGEST_SHIFT_DAYS):
            if day.weekday() == self._weekday(underlying, day, day) and self._is_listed(underlying, day):
                expiry = self.shifted(day, calendar)
                if start <= expiry <= end:
                    found.add(expiry)
            day += _ONE_DAY
        return sorted(found)

    def next_expiry(self, underlying: str, on: date, calendar: TradingCalendar) -> date:
        """Give the nearest expiry on or after day `on`."""
        upcoming = self.expiries(underlying, on, on + timedelta(days=40), calendar)
        if not upcoming:
            raise TableError(f"expected an expiry of {underlying} within 40 days of {on:%d-%b-%Y}, found none")
        return upcoming[0]

    @staticmethod
    def shifted(nominal: date, calendar: TradingCalendar) -> date:
        """Give the day a contract of nominal expiry `nominal` expires: that day, or the business day before."""
        day = nominal
        for _ in range(_LONGEST_SHIFT_DAYS + 1):
            if calendar.is_business_day(day):
                return day
            day -= _ONE_DAY
        raise TableError(f"expected a business day in the week to {nominal:%d-%b-%Y}, found none")

    def is_monthly(self, underlying: str, expiry: date, on: date) -> bool:
        """Say whether the contract of `expiry`, as listed on day `on`, is the last of its month."""
        weekday = self._weekday(underlying, expiry, on)
        nominal = expiry + timedelta(days=(weekday - expiry.weekday()) % 7)
        return (nominal + _WEEK).month != nominal.month

    def expiry_close_ns(self, expiry: date, calendar: TradingCalendar) -> int:
        """Give the moment trading in the contract ends, ns UTC.

        A contract may be listed for a day that is declared a holiday only later (31-Mar-2026 was); it ends with the
        business day before, and so does the answer.
        """
        session = calendar.session(self.shifted(expiry, calendar))
        if session is None:
            raise TableError(f"expected a session on or before expiry {expiry:%d-%b-%Y}, the calendar has none")
        return session.close_ns

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the terms were last verified before `on`."""
        return self._table.staleness(on)

    def _find_lot(self, underlying: str, expiry: date, on: date) -> int:
        on = min(on, expiry)
        if self.is_monthly(underlying, expiry, on):
            threshold = "monthly_from"
            long_dated = expiry.month in _QUARTER_ENDS
        else:
            threshold = "weekly_from"
            long_dated = False
        for row in reversed(_rows_of(self._lots, underlying, "lot sizes")):
            came_in = row["long_dated_from"] if long_dated else row["introduced"]
            if on >= came_in and expiry >= row[threshold]:
                return int(row["size"])
        raise TableError(f"expected a lot size of {underlying} expiring {expiry} on {on}, the table begins later")

    def _terms_on(self, underlying: str, on: date) -> Row:
        return in_force(_rows_of(self._terms, underlying, "terms"), on, f"terms of {underlying}")

    def _weekday(self, underlying: str, expiry: date, on: date) -> int:
        rows = [row for row in _rows_of(self._weekdays, underlying, "expiry weekdays") if row["relisted"] <= on]
        return int(in_force(rows, expiry, f"expiry weekdays of {underlying}")["weekday"])

    def _is_listed(self, underlying: str, nominal: date) -> bool:
        weekly = any(row["from"] <= nominal for row in self._weekly_series.get(underlying, ()))
        return weekly or (nominal + _WEEK).month != nominal.month


def _by_underlying(rows: Sequence[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["underlying"], []).append(row)
    return grouped


def _rows_of(grouped: dict[str, list[Row]], underlying: str, what: str) -> list[Row]:
    try:
        return grouped[underlying]
    except KeyError:
        raise TableError(f"expected {what} of one of {sorted(grouped)}, got {underlying!r}") from None
