"""What closed trades brought: counts and sums, and the distribution in multiples of what each planned to lose at its stop."""

from __future__ import annotations

from math import floor, fsum
from typing import Final

from shared.events.base import Record

_WIDTH: Final = 0.25
_LOWEST, _HIGHEST = -20, 19
"""Results under -5 and from 5 on share a bin; their sums keep them apart from its middle."""


class OutcomeBin(Record, frozen=True, kw_only=True):
    """Trades of about one result.

    Attributes:
        level: the bin holds results from a quarter of it up to the next quarter.
        trades: how many.
        total: their results added up, multiples of the planned loss.
    """

    level: int
    trades: int
    total: float

    @property
    def mean(self) -> float:
        """Their mean result."""
        return self.total / self.trades


class TradeStatistics(Record, frozen=True, kw_only=True):
    """Closed trades so far, as sizing needs them. Money in paise.

    Attributes:
        outcomes: the distribution of their net results; of trades entered by former versions nothing is in it.
    """

    trades: int = 0
    wins: int = 0
    losses: int = 0
    won_paise: int = 0
    lost_paise: int = 0
    consecutive_losses: int = 0
    outcomes: tuple[OutcomeBin, ...] = ()


def with_outcome(outcomes: tuple[OutcomeBin, ...], result: float) -> tuple[OutcomeBin, ...]:
    """Count one more result, a multiple of the planned loss; the bins stay in rising order, 40 of them at most."""
    level = min(max(floor(result / _WIDTH), _LOWEST), _HIGHEST)
    bins = {one.level: one for one in outcomes}
    before = bins.get(level, OutcomeBin(level=level, trades=0, total=0.0))
    bins[level] = OutcomeBin(level=level, trades=before.trades + 1, total=fsum((before.total, result)))
    return tuple(bins[one] for one in sorted(bins))
