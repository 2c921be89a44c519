"""What the dated tables add to captures that leave it out: expiry, lot, and the wall clock's moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from shared.clock import IST, to_ns
from shared.errors import BadInputError, TableError
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.settings import TableSettings


@dataclass(frozen=True)
class Terms:
    """Calendar and contract terms for readers."""

    calendar: TradingCalendar
    contracts: ContractTable

    @classmethod
    def load(cls, places: TableSettings | None = None) -> Terms:
        """Read the packaged tables, with the user's laid over them where places are given."""
        if places is None:
            return cls(TradingCalendar.load(), ContractTable.load())
        return cls(TradingCalendar.load(places.place("calendar")), ContractTable.load(places.place("contracts")))

    def nearest_expiry(self, underlying: str, on: date, where: str) -> date:
        """Give the expiry a page without one showed; BadInputError when the tables cannot tell."""
        try:
            return self.contracts.next_expiry(underlying, on, self.calendar)
        except TableError as error:
            raise BadInputError(f"an expiry of {underlying} in the tables", str(error), where) from error

    def lot(self, underlying: str, expiry: date, on: date, where: str) -> int:
        """Give units per contract, to turn shares into contracts; BadInputError when the table cannot tell."""
        try:
            return self.contracts.lot_size(underlying, expiry, on)
        except TableError as error:
            raise BadInputError(f"a lot size of {underlying} in the tables", str(error), where) from error


def ist_moment(text: str, pattern: str, where: str) -> int:
    """Read a wall-clock moment in India to ns UTC; BadInputError when it does not fit the pattern."""
    try:
        return to_ns(datetime.strptime(text, pattern).replace(tzinfo=IST))
    except ValueError as error:
        raise BadInputError(f"a moment like {pattern}", text, where) from error
