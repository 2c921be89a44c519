"""Sessions put together from rows of the calendar table: special days, the cash market's hours, interruptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Final

from shared.clock import NS_PER_SECOND, day_start_ns
from shared.errors import TableError
from shared.market.dated_table import DatedTable, Row, in_force
from shared.market.session import (
    ClosingAuction,
    Interruption,
    InterruptionKind,
    Session,
    SessionKind,
    SettlementRule,
    Window,
)

Hours = tuple[time, time]
"""Open and close, times of day in India."""

_AUCTION: Final = ("close", "auction_from", "auction_until", "level_from")


class SessionRows:
    """What the table says of days out of the ordinary and of the cash market.

    Args:
        table: sections `session`, `cash_session` and `interruption`; TableError for a row that makes no sense.
    """

    def __init__(self, table: DatedTable) -> None:
        self._special: dict[date, list[Row]] = {}
        for row in table.fields("session", {"day": date, "kind": str}):
            _check_special(row)
            self._special[row["day"]] = [*_beside(self._special.get(row["day"], ()), row), row]
        self._cash = table.fields("cash_session", {"from": date, "settlement": str})
        for row in self._cash:
            _check_cash(row)
        self._pauses: dict[date, list[Row]] = {}
        for row in table.fields("interruption", {"day": date, "from": time, "until": time, "kind": str}):
            _check_pause(row)
            self._pauses.setdefault(row["day"], []).append(row)

    def is_special(self, day: date) -> bool:
        """Say whether the table has a session of its own for the day."""
        return day in self._special

    def special(self, day: date) -> Session | None:
        """Give the session of a special day, None when its hours are not known."""
        rows = self._special[day]
        if not _has_hours(rows[-1]):
            return None
        hours = sorted((row["open"], row["close"]) for row in rows)
        return self.build(day, hours, SessionKind(rows[-1]["kind"]))

    def announced(self) -> list[date]:
        """Give the days whose session is announced and whose hours are not known, ascending."""
        return sorted(day for day, rows in self._special.items() if not _has_hours(rows[-1]))

    def note(self, day: date) -> str:
        """Give what the table remarks on a day's session, empty when nothing."""
        return "; ".join(str(row["note"]) for row in self._special.get(day, ()) if "note" in row)

    def build(self, day: date, hours: Sequence[Hours], kind: SessionKind, *, assumed: bool = False) -> Session:
        """Put a session together from its hours, ascending, and what the cash market does beside them."""
        windows = tuple(Window(_at(day, opens), _at(day, closes)) for opens, closes in hours)
        open_ns, close_ns = windows[0].open_ns, windows[-1].close_ns
        cash = in_force(self._cash, day, "hours of the cash market") if self._cash else {}
        pre_open = cash.get("pre_open")
        pre_open_ns = None if pre_open is None else _at(day, pre_open)
        # Hours out of the ordinary have a pre-open and an auction of their own, if any, that nobody told.
        regular = pre_open_ns is not None and pre_open_ns < open_ns and kind is not SessionKind.MUHURAT
        return Session(
            day=day,
            open_ns=open_ns,
            close_ns=close_ns,
            kind=kind,
            assumed=assumed,
            windows=windows,
            pre_open_ns=pre_open_ns if regular else None,
            settlement=SettlementRule(cash["settlement"]) if cash else SettlementRule.LAST_HALF_HOUR,
            auction=_auction(day, cash, open_ns, close_ns),
            interruptions=tuple(
                Interruption(
                    _at(day, row["from"]), _at(day, row["until"]), InterruptionKind(row["kind"]), row.get("level")
                )
                for row in self._pauses.get(day, ())
            ),
        )


def _beside(earlier: Sequence[Row], row: Row) -> list[Row]:
    """Keep the earlier rows of a day that a later one stands beside; it replaces those it overlaps."""
    if not _has_hours(row):
        return []
    return [
        each for each in earlier if _has_hours(each) and (each["close"] < row["open"] or row["close"] < each["open"])
    ]


def _has_hours(row: Row) -> bool:
    return "open" in row


def _auction(day: date, cash: Row, open_ns: int, close_ns: int) -> ClosingAuction | None:
    if "auction_from" not in cash:
        return None
    found = ClosingAuction(*(_at(day, cash[name]) for name in _AUCTION))
    return found if open_ns < found.starts_ns and found.level_ns <= close_ns else None


def _at(day: date, clock_time: time) -> int:
    seconds = clock_time.hour * 3600 + clock_time.minute * 60 + clock_time.second
    return day_start_ns(day) + seconds * NS_PER_SECOND


def _check_special(row: Row) -> None:
    kinds = {kind.value for kind in SessionKind}
    has_hours = isinstance(row.get("open"), time) and isinstance(row.get("close"), time)
    sound = has_hours or ("open" not in row and "close" not in row)
    if row["kind"] not in kinds or not sound or (has_hours and row["open"] >= row["close"]):
        raise TableError(
            f"expected [[session]] of {row['day']} to have a kind of {sorted(kinds)} and both or neither of "
            f"open and close, the first before the second, got {row!r}"
        )


def _check_cash(row: Row) -> None:
    rules = {rule.value for rule in SettlementRule}
    times = [row[name] for name in _AUCTION if name in row]
    in_order = all(isinstance(each, time) for each in times) and times == sorted(times)
    whole = len(times) == len(_AUCTION) if row["settlement"] == SettlementRule.CLOSING_AUCTION else not times
    if row["settlement"] not in rules or not whole or not in_order or not isinstance(row.get("pre_open", time()), time):
        raise TableError(
            f"expected [[cash_session]] from {row['from']} to have a settlement of {sorted(rules)} and, with the "
            f"auction, {', '.join(_AUCTION)} in this order, got {row!r}"
        )


def _check_pause(row: Row) -> None:
    kinds = {kind.value for kind in InterruptionKind}
    levels = (10, 15, 20) if row["kind"] == InterruptionKind.INDEX_HALT else (None,)
    if row["kind"] not in kinds or row.get("level") not in levels or row["from"] >= row["until"]:
        raise TableError(
            f"expected [[interruption]] of {row['day']} to have a kind of {sorted(kinds)}, from before until, and a "
            f"level of 10, 15 or 20 with index_halt alone, got {row!r}"
        )
