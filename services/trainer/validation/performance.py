"""Rolling performance of closed trades."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec


class TradeResult(msgspec.Struct, frozen=True):
    """What of a trade the rolling figures need. Money in paise."""

    ts: int
    direction: int
    confidence: float
    regime: str
    net_pnl_paise: int


class Performance(msgspec.Struct, frozen=True):
    """Figures over a run of trades.

    Attributes:
        trades: how many.
        win_rate: share with a positive net result.
        net_paise, average_paise: sum and mean of the net results.
        sharpe_per_trade: mean over standard deviation of net results, not annualised; None under two trades.
        max_drawdown_paise: largest fall of the running sum from its highest point, starting at zero.
    """

    trades: int
    win_rate: float
    net_paise: int
    average_paise: float
    sharpe_per_trade: float | None
    max_drawdown_paise: int


def measure(results: Sequence[TradeResult]) -> Performance | None:
    """Measure trades in their order; None without trades."""
    if not results:
        return None
    pnl = [result.net_pnl_paise for result in results]
    count, total = len(pnl), sum(pnl)
    mean = total / count
    peak = running = drawdown = 0
    for value in pnl:
        running += value
        peak = max(peak, running)
        drawdown = max(drawdown, peak - running)
    deviation = sqrt(sum((value - mean) ** 2 for value in pnl) / (count - 1)) if count > 1 else 0.0
    return Performance(
        trades=count,
        win_rate=sum(value > 0 for value in pnl) / count,
        net_paise=total,
        average_paise=mean,
        sharpe_per_trade=mean / deviation if deviation > 0.0 else None,
        max_drawdown_paise=drawdown,
    )
