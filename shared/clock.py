"""Time as Thetaflow counts it: integer nanoseconds since 1970 in UTC inside, IST only on screens and in NSE stamps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol

from shared.errors import BadInputError

IST = timezone(timedelta(hours=5, minutes=30), "IST")
NS_PER_SECOND = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_DAY = 1440 * NS_PER_MINUTE

MAX_AHEAD_NS = 120 * NS_PER_SECOND
"""How far a stamp of somebody else's may run ahead of this machine's clock and still be taken."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_IST_OFFSET_SECONDS = 19_800
_IST_OFFSET_NS = _IST_OFFSET_SECONDS * NS_PER_SECOND
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_STAMP_LENGTHS = (20, 17)  # "29-Aug-2025 09:22:45" and, in older captures, "29-Aug-2025 09:22"
_LAST_HOUR = 23
_LAST_MINUTE = 59


def to_ns(moment: datetime) -> int:
    """Convert an aware datetime to ns UTC, exactly; BadInputError for a naive one, whose zone nobody can know."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise BadInputError("a datetime with a time zone", moment.isoformat(), "to_ns")
    return (moment - _EPOCH) // _MICROSECOND * 1000


def from_ns(ns: int) -> datetime:
    """Convert ns UTC to an aware IST datetime, cut to the microsecond a datetime can hold."""
    return (_EPOCH + timedelta(microseconds=ns // 1000)).astimezone(IST)


def ist_ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Give the ns UTC of a wall-clock moment in India; BadInputError when there is no such moment."""
    try:
        return to_ns(datetime(year, month, day, hour, minute, second, tzinfo=IST))
    except ValueError as error:
        got = (year, month, day, hour, minute, second)
        raise BadInputError("a moment that exists", got, "ist_ns") from error


def day_start_ns(day: date) -> int:
    """Give the ns UTC of midnight in India at which `day` begins."""
    return (day.toordinal() - _EPOCH_ORDINAL) * NS_PER_DAY - _IST_OFFSET_NS


def ist_date(ns: int) -> date:
    """Give the calendar day in India at `ns` UTC."""
    return date.fromordinal((ns + _IST_OFFSET_NS) // NS_PER_DAY + _EPOCH_ORDINAL)


def parse_nse_stamp(text: str) -> int:
    """Read "29-Aug-2025 09:22:45" (IST; seconds may be missing) to ns UTC.

    Written by position rather than with strptime, which is ten times slower and follows the process locale's month
    names. Raises BadInputError for anything else, an impossible date or time of day included.
    """
    try:
        if len(text) not in _STAMP_LENGTHS or text[2] != "-" or text[6] != "-" or text[11] != " " or text[14] != ":":
            raise BadInputError("an IST stamp like 29-Aug-2025 09:22:45", text, "parse_nse_stamp")
        second = 0
        if len(text) == _STAMP_LENGTHS[0]:
            if text[17] != ":":
                raise BadInputError("an IST stamp like 29-Aug-2025 09:22:45", text, "parse_nse_stamp")
            second = _two_digits(text, 18)
        day = date(_two_digits(text, 7) * 100 + _two_digits(text, 9), _MONTHS[text[3:6]], _two_digits(text, 0))
        hour, minute = _two_digits(text, 12), _two_digits(text, 15)
        if hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LAST_MINUTE:
            raise BadInputError("a time of day from 00:00:00 to 23:59:59", text, "parse_nse_stamp")
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError("an IST stamp like 29-Aug-2025 09:22:45", text, "parse_nse_stamp") from error
    seconds = hour * 3600 + minute * 60 + second
    return day_start_ns(day) + seconds * NS_PER_SECOND


def _two_digits(text: str, at: int) -> int:
    # int() alone would take " 9", "+9" and digits of other scripts.
    tens, units = ord(text[at]) - 48, ord(text[at + 1]) - 48
    if not (0 <= tens <= 9 and 0 <= units <= 9):  # noqa: PLR2004 - the ten digits
        raise ValueError(text)
    return tens * 10 + units


def minutes_between(a_ns: int, b_ns: int) -> float:
    """Give the minutes from `a_ns` to `b_ns`, negative when b is the earlier."""
    return (b_ns - a_ns) / NS_PER_MINUTE


class Clock(Protocol):
    """Where time comes from; handlers never see one, they get event time."""

    def now_ns(self) -> int:
        """Give the present in ns UTC."""
        ...


class ProcessClock(Clock, Protocol):
    """The clock of a running process, which also says how long its seconds take.

    Whoever waits for the market (a poll, the open, the close) waits through it. What waits for the machine (a broker, a
    disk, a venue's answer, a sign of life) does not.
    """

    @property
    def rate(self) -> float:
        """Seconds of this clock per second of the machine."""
        ...

    def pause_s(self, seconds: float) -> float:
        """Give the machine's seconds that so many seconds of this clock take, for `Event.wait` and its like."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for seconds of this clock."""
        ...


class SystemClock:
    """The machine's clock."""

    rate = 1.0

    def now_ns(self) -> int:
        """Give the present in ns UTC."""
        return time.time_ns()  # noqa: TID251 - the one place where the machine's time enters

    def pause_s(self, seconds: float) -> float:
        """Give the seconds as they are."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait for seconds."""
        await asyncio.sleep(seconds)


class PacedClock:
    """A clock of another day and pace that the processes of one machine share: it never goes back, and needs no server.

    It counts on the machine's monotonic clock, which all processes see alike and which nobody sets, so two of them that
    were told the same three numbers always show the same time.

    Args:
        shown_ns: what it shows at `since_ns`, and all the time before, ns UTC.
        since_ns: a moment of the machine's monotonic clock, ns.
        rate: its seconds per second of the machine, above 0.

    >>> PacedClock(0, 0, 60.0).pause_s(90.0)
    1.5
    """

    def __init__(self, shown_ns: int, since_ns: int, rate: float) -> None:
        if rate <= 0.0:
            raise BadInputError("a rate above 0", rate, "PacedClock")
        self.rate = rate
        self._shown_ns = shown_ns
        self._since_ns = since_ns

    def now_ns(self) -> int:
        """Give the moment it shows, ns UTC."""
        return self._shown_ns + int(max(monotonic_ns() - self._since_ns, 0) * self.rate)

    def pause_s(self, seconds: float) -> float:
        """Give the machine's seconds that so many of its own take."""
        return seconds / self.rate

    async def sleep(self, seconds: float) -> None:
        """Wait for seconds of its own."""
        await asyncio.sleep(seconds / self.rate)


def monotonic_ns() -> int:
    """Give the machine's monotonic clock, ns since it started; the same in every process of the machine."""
    return time.monotonic_ns()


def steady_ns(clock: Clock) -> Callable[[], int]:
    """Give a clock for waits and ages within one process: it shows `clock`'s present now and never goes back.

    The machine's own clock can be set by a person or a time server; then this one goes on by the monotonic clock. Of any
    other clock a step back is left out.
    """
    if isinstance(clock, SystemClock):
        since = clock.now_ns() - monotonic_ns()
        return lambda: since + monotonic_ns()
    last = clock.now_ns()
    left_out = 0

    def now_ns() -> int:
        nonlocal last, left_out
        now = clock.now_ns()
        left_out += max(last - now, 0)
        last = now
        return now + left_out

    return now_ns


class ManualClock:
    """A clock that moves only when told to, for tests and replay.

    Args:
        ns: where it stands at first, ns UTC.
    """

    def __init__(self, ns: int) -> None:
        self._ns = ns

    def now_ns(self) -> int:
        """Give the moment the clock stands at, ns UTC."""
        return self._ns

    def advance(self, ns: int) -> None:
        """Move the clock forward by `ns`; BadInputError for a step back, as time does not."""
        if ns < 0:
            raise BadInputError("a step forward in ns", ns, "ManualClock.advance")
        self._ns += ns

    def move_to(self, ns: int) -> None:
        """Set the clock to `ns` UTC, not before where it stands."""
        self.advance(ns - self._ns)
