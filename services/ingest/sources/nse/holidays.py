"""The exchange's list of holidays against our calendar."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta

from shared.errors import TableError
from shared.market.calendar import SessionKind, TradingCalendar


def holiday_differences(listed: Mapping[date, str], calendar: TradingCalendar, today: date) -> list[str]:
    """Compare the exchange's list with our calendar from today to the end of the list's last year, in words.

    Weekends say nothing, and a day with a festival or special session is a holiday on the list and rightly so.
    """
    last_year = max(day.year for day in listed)
    differences = []
    for offset in range((date(last_year, 12, 31) - today).days + 1):
        day = today + timedelta(days=offset)
        with suppress(TableError):
            session = calendar.session(day)
            ours = session is None or session.kind is not SessionKind.REGULAR
            if _is_weekday(day) and ours != (day in listed):
                name = listed.get(day) or calendar.holiday_name(day) or "no name"
                theirs = "a holiday" if day in listed else "a trading day"
                differences.append(
                    f"{day:%d-%b-%Y} ({name}) is {theirs} on the exchange's list and not in our calendar"
                )
    return differences


def _is_weekday(day: date) -> bool:
    return day.weekday() < 5  # noqa: PLR2004 - Saturday
