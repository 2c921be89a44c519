"""Dates and moments the way exchange files, brokers and spreadsheets spell them, and none that cannot be."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from shared.clock import IST, to_ns
from shared.errors import BadInputError

EARLIEST = date(1990, 1, 1)
LATEST = date(2099, 12, 31)
"""No file of an Indian exchange speaks of a day outside these; what does was misread somewhere."""

LONGEST_LIFE = timedelta(days=6 * 366)
"""The longest index options are listed five years ahead."""

LONGEST_GONE = timedelta(days=366)
"""An expiry further back than this from its chain is no expired contract but a misread year."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_CENTURY = 2000
_WHOLE_YEAR = 4
_SPELLINGS = "a date like 28-Aug-2025, 28-08-2025, 28-Aug-25 or 2025-08-28"
_ISO = re.compile(r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?:[T ].*)?", re.ASCII)
_DAY_FIRST = re.compile(
    r"(?P<day>\d{1,2})[-/ ]?(?P<month>[A-Za-z]{3,9})[-/ ,]*(?P<year>\d{4}|\d{2})(?:[T ].*)?"
    r"|(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})(?:[T ].*)?",
    re.ASCII,
)
_SLASHED = re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})(?: .*)?", re.ASCII)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII)
_MONTHS_IN_A_YEAR = 12


def parse_day(text: str, where: str, *, day_first: bool = False) -> date:
    """Read a day; a time after it is ignored.

    A year of two digits, as spreadsheets leave it behind a month's name, is of this century. Numbers with slashes
    are read only where one of them can be no month, or where the layout is known to put the day first.

    Raises:
        BadInputError: another spelling, a day that is not in the calendar or cannot be told from a month, or a year
            before 1990 or after 2099.
    """
    bare = text.strip()
    found = _ISO.fullmatch(bare) or _COMPACT.fullmatch(bare) or _DAY_FIRST.fullmatch(bare)
    if found is None:
        return _slashed(bare, where, day_first=day_first)
    parts = found.groupdict()
    day, month, year = (parts[name] or parts.get(name[0]) or "" for name in ("day", "month", "year"))
    century = 0 if len(year) == _WHOLE_YEAR else _CENTURY
    return _day(bare, century + int(year), _month(month, bare, where), int(day), where)


def _slashed(bare: str, where: str, *, day_first: bool) -> date:
    found = _SLASHED.fullmatch(bare)
    if found is None:
        raise BadInputError(_SPELLINGS, bare, where)
    day, month, year = (int(found[name]) for name in ("day", "month", "year"))
    if day_first or day > _MONTHS_IN_A_YEAR or day == month:
        return _day(bare, year, month, day, where)
    if month > _MONTHS_IN_A_YEAR:
        return _day(bare, year, day, month, where)
    raise BadInputError(f"{_SPELLINGS}, whose day cannot be taken for its month", bare, where)


def _month(text: str, bare: str, where: str) -> int:
    if text.isdecimal():
        return int(text)
    month = _MONTHS.get(text[:3].lower())
    if month is None:
        raise BadInputError(_SPELLINGS, bare, where)
    return month


def _day(bare: str, year: int, month: int, day: int, where: str) -> date:
    try:
        found = date(year, month, day)
    except ValueError as error:
        raise BadInputError(_SPELLINGS, bare, where) from error
    if not EARLIEST <= found <= LATEST:
        raise BadInputError(f"a date of the years {EARLIEST.year} to {LATEST.year}", bare, where)
    return found


def parse_moment(text: str, where: str, *, clock: str | None = None, day_first: bool = False) -> tuple[int, bool]:
    """Read a moment in India, or with a zone of its own, from one cell or from a day's and a clock's.

    Returns:
        ns UTC, and whether there was a time of day; midnight stands for none.

    Raises:
        BadInputError: no such day or time of day.
    """
    bare = text.strip()
    zoned = _zoned(bare, where) if clock is None else None
    if zoned is not None:
        return zoned, True
    day = parse_day(bare, where, day_first=day_first)
    rest = clock.strip() if clock is not None else bare.replace("T", " ").partition(" ")[2].strip()
    if ":" not in rest:
        if clock is not None and rest:
            raise BadInputError("a time of day like 09:15:00", rest, where)
        return to_ns(datetime(day.year, day.month, day.day, tzinfo=IST)), False
    found = _CLOCK.fullmatch(rest)
    if found is None:
        raise BadInputError("a time of day like 09:15:00", rest, where)
    try:
        moment = datetime(day.year, day.month, day.day, int(found[1]), int(found[2]), int(found[3] or 0), tzinfo=IST)
    except ValueError as error:
        raise BadInputError("a time of day like 09:15:00", rest, where) from error
    return to_ns(moment), True


def _zoned(bare: str, where: str) -> int | None:
    if not re.search(r"\d{2}:\d{2}\S*(?:Z|[+-]\d{2}:?\d{2})$", bare):
        return None
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError as error:
        raise BadInputError("a moment like 2025-12-29T09:15:00+05:30", bare, where) from error
    parse_day(bare[:10], where)
    return to_ns(moment.astimezone(UTC))
