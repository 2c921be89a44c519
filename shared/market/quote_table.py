"""How wide a quote may be and still be one, by date and by the days its contract has left, from a dated table.

To read the table takes no array: what does is imported when a whole chain is judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

from shared.errors import TableError
from shared.market.dated_table import DatedTable, TableWarning

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_NUMBER: Final = (int, float)
_MOST_REMEMBERED: Final = 4096
_FIELDS: Final[dict[str, type | tuple[type, ...]]] = {"from": date, "days": int, "points": _NUMBER, "share": _NUMBER}


@dataclass(frozen=True, slots=True)
class SpreadBound:
    """The widest a quote may be.

    Attributes:
        points: a spread of so many points is never too wide.
        share: of the middle of bid and ask, beyond which a wider one is.
    """

    points: float
    share: float

    def holds(self, bid: float | None, ask: float | None) -> bool:
        """Say whether a bid and an ask, points, may be a quote: a missing bid counts as 0, a missing ask is not judged."""
        if ask is None:
            return True
        low = bid or 0.0
        return ask - low <= max(self.points, self.share * 0.5 * (ask + low))

    def judged(self, bids: NDArray[np.float64], asks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give asks, points and NaN where there is none, with NaN where they and their bids are no quotes."""
        import numpy as np  # noqa: PLC0415 - see the module

        low = np.nan_to_num(bids)
        with np.errstate(invalid="ignore"):
            too_wide = asks - low > np.maximum(self.points, self.share * 0.5 * (asks + low))
        return np.where(too_wide, np.nan, asks)


NO_BOUND: Final = SpreadBound(math.inf, math.inf)
"""Takes whatever is shown."""


class QuoteTable:
    """Bounds by date and days left.

    Args:
        table: rows; `QuoteTable.load` reads the packaged ones.

    Raises:
        TableError: a row lacks a field, or its numbers bound nothing.
    """

    def __init__(self, table: DatedTable) -> None:
        self._table = table
        self._rows = table.fields("spread", _FIELDS)
        for row in self._rows:
            if row["days"] < 0 or not (row["points"] >= 0.0 and row["share"] > 0.0):
                raise TableError(f"expected days and points of 0 or more and a share over 0 in [[spread]], got {row!r}")
        self._bounds: dict[tuple[date, int], SpreadBound] = {}

    @classmethod
    def load(cls, overrides: Path | None = None) -> QuoteTable:
        """Read the packaged table and lay the user's file, of the same format, over it."""
        return cls(DatedTable.load("quotes", overrides))

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Days left up to which the rows hold, ascending."""
        return tuple(sorted({row["days"] for row in self._rows}))

    def bound(self, on: date, expiry: date) -> SpreadBound:
        """Give the bound of a contract on a day: the row in force of the fewest days that reach to its expiry.

        Raises:
            TableError: no row begins so early, or none reaches so far.
        """
        days = max((expiry - on).days, 0)
        found = self._bounds.get((on, days))
        if found is None:
            rows = [row for row in self._rows if row["from"] <= on and row["days"] >= days]
            if not rows:
                raise TableError(f"expected a row of [[spread]] for {days} days left on {on:%d-%b-%Y}, got none")
            nearest = min(row["days"] for row in rows)
            best = max(enumerate(rows), key=lambda at: (at[1]["days"] == nearest, at[1]["from"], at[0]))[1]
            if len(self._bounds) >= _MOST_REMEMBERED:
                self._bounds.clear()
            found = self._bounds[on, days] = SpreadBound(float(best["points"]), float(best["share"]))
        return found

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the bounds were not verified to `on`."""
        return self._table.staleness(on)
