"""Expiries with the moment they end: the dated close of their last session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.clock import NS_PER_MINUTE
from shared.errors import BadInputError, TableError
from shared.events import ExpiryChain
from shared.market.calendar import TradingCalendar

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class DatedExpiry:
    """One expiry of a snapshot.

    Attributes:
        chain: its legs.
        day: the date it is listed under.
        close_ns: moment it expires, ns UTC.
        minutes: from the snapshot to that moment.
    """

    chain: ExpiryChain
    day: date
    close_ns: int
    minutes: float


class ExpiryCloses:
    """Looks up when expiries end and remembers it.

    An expiry listed for a day without a session ends with the session before, which is where the exchange moves it.
    """

    def __init__(self, calendar: TradingCalendar) -> None:
        self._calendar = calendar
        self._known: dict[str, tuple[date, int]] = {}

    def alive(self, chains: tuple[ExpiryChain, ...], ts: int) -> tuple[DatedExpiry, ...]:
        """Give the expiries that have not ended before `ts`, nearest first.

        BadInputError for an expiry that is no date, TableError for one before the tables begin.
        """
        dated = []
        for chain in chains:
            day, close_ns = self._known.get(chain.expiry) or self._find(chain.expiry)
            if close_ns >= ts and chain.strikes:
                dated.append(DatedExpiry(chain, day, close_ns, (close_ns - ts) / NS_PER_MINUTE))
        dated.sort(key=lambda expiry: expiry.close_ns)
        return tuple(dated)

    def _find(self, expiry: str) -> tuple[date, int]:
        try:
            day = date.fromisoformat(expiry)
        except ValueError as error:
            raise BadInputError("an ISO date", expiry, "expiry of a chain") from error
        session = self._calendar.session(day)
        if session is None:
            session = self._calendar.session(self._calendar.previous_trading_day(day))
        if session is None:
            raise TableError(f"expected a session on or before {expiry}, found none")
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        found = self._known[expiry] = (day, session.close_ns)
        return found
