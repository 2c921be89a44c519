"""When what is open must be on its way out at the end of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Protocol

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, day_start_ns
from shared.events import Contract
from shared.market.calendar import Session, TradingCalendar
from shared.trading.settlement import last_day

INTRADAY = "intraday"
"""Product that the broker itself closes before the end of the day."""


class SquareOffRules(Protocol):
    """How a day ends; the executor's settings are one."""

    @property
    def square_off_minutes(self) -> float:
        """How long before the end exits begin."""
        ...

    @property
    def hold_through_auction(self) -> bool:
        """Whether contracts that expire today are held into the closing auction that settles them."""
        ...

    @property
    def product(self) -> str:
        """What the positions are at the broker: carried forward or intraday."""
        ...

    @property
    def carry_overnight(self) -> bool:
        """Whether what does not expire is held into the next session by choice."""
        ...

    @property
    def broker_square_off(self) -> time:
        """When the broker closes intraday positions, time of day in India."""
        ...


@dataclass(frozen=True, slots=True)
class SquareOff:
    """Finds the moment exits begin, the earliest of three ends less the time that getting out takes.

    The ends: the close; for a contract that expires today the start of the closing auction, in which the index that
    settles it can no longer be followed; for an intraday product the moment at which the broker buys by itself.

    Attributes:
        rules: how a day ends.
        calendar: on which day a contract ends.
    """

    rules: SquareOffRules
    calendar: TradingCalendar

    def at(self, session: Session | None, contract: Contract) -> int | None:
        """Give the event time from which a contract is to be closed, ns UTC; None when the day does not ask for it."""
        if session is None:
            return None
        return self.of_day(session, expiring=last_day(contract, self.calendar) <= session.day)

    def of_day(self, session: Session, *, expiring: bool) -> int | None:
        """Give the event time from which contracts are to be closed, for those that expire on the day or the others.

        None where they are carried by choice.
        """
        if self.rules.carry_overnight and not expiring:
            return None
        ends = [session.close_ns]
        if expiring and session.auction is not None and not self.rules.hold_through_auction:
            ends.append(session.auction.starts_ns)
        if self.rules.product == INTRADAY:
            broker = day_start_ns(session.day) + _seconds(self.rules.broker_square_off) * NS_PER_SECOND
            # A session in the evening begins after that hour: it has no such end.
            ends += [broker] if broker > session.open_ns else []
        return min(ends) - int(self.rules.square_off_minutes * NS_PER_MINUTE)


def _seconds(clock_time: time) -> int:
    return clock_time.hour * 3600 + clock_time.minute * 60 + clock_time.second
