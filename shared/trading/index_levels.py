"""An index from day to day as snapshots told it: its last close, and how much it moves in a day."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

import msgspec

from shared.events import MarginBasis, VolatilitySource
from shared.market.margin_table import MarginTable

FIRST_RETURNS: Final = 20
"""Days whose root mean square begins an estimate: a month's, as one day says nothing of the next."""


class IndexLevels(msgspec.Struct):
    """What is remembered of an index.

    Attributes:
        day: ISO date of the newest level.
        level: newest, points; the last one of a day stands for its close.
        previous_close: of the last day before.
        returns, squares: closes compared so far while there is no estimate, and the sum of their squared log returns.
        volatility: daily, estimated from closes as the exchange does from its own; None before enough were seen.
    """

    day: str
    level: float
    previous_close: float | None = None
    returns: int = 0
    squares: float = 0.0
    volatility: float | None = None

    def see(self, day: str, level: float, margins: MarginTable) -> None:
        """Take a level in; a new day closes the one before."""
        if day != self.day:
            self._close(margins)
            self.day = day
        self.level = level

    def basis(self, underlying: str, on: date, margins: MarginTable) -> MarginBasis:
        """Say what margins of a day are reckoned by: the exchange's volatility, an estimate of it, or the table's floor."""
        sigma, source = margins.published_volatility(underlying, on), VolatilitySource.PUBLISHED
        if sigma is None:
            sigma, source = self.volatility, VolatilitySource.ESTIMATED
        if sigma is None:
            sigma, source = 0.0, VolatilitySource.FLOOR
        return MarginBasis(
            underlying=underlying,
            level=self.level,
            previous_close=self.previous_close,
            daily_volatility=sigma,
            source=source,
        )

    def _close(self, margins: MarginTable) -> None:
        if self.previous_close is not None:
            moved = math.log(self.level / self.previous_close)
            if self.volatility is not None:
                on = date.fromisoformat(self.day)
                self.volatility = margins.next_daily_volatility(self.volatility, moved, on)
            else:
                self.returns += 1
                self.squares += moved * moved
                if self.returns == FIRST_RETURNS:
                    self.volatility = math.sqrt(self.squares / FIRST_RETURNS)
        self.previous_close = self.level
