"""Counts what closed trades earned by time and paid, against what they were entered on."""

from __future__ import annotations

from typing import Final

from shared.events import DecayStatistics, Trade

_PAISE: Final = 100.0
_KEPT: Final = 0.99
"""Weight a trade keeps at each later one: a hundred trades are remembered, by and large."""


def counted(statistics: DecayStatistics, trade: Trade, held_minutes: float) -> DecayStatistics:
    """Add a closed trade; one without an estimate or without an attribution teaches nothing.

    Time alone counts as earned. Index move and volatility are a hundred times as noisy as what time brings, and in no
    number of trades a book makes would their mean be told from zero; what movement takes away again is measured where
    it can be, in the market's own returns.

    Args:
        statistics: so far.
        trade: closed whole.
        held_minutes: variance minutes from entry to exit.
    """
    estimate, parts = trade.entry.decay, trade.attribution
    if estimate is None or parts is None:
        return statistics
    paid = -(parts.spread_and_impact_paise + parts.charges_paise) / _PAISE
    return DecayStatistics(
        trades=statistics.trades * _KEPT + 1.0,
        held_minutes=statistics.held_minutes * _KEPT + held_minutes,
        expected_decay=statistics.expected_decay * _KEPT + estimate.decay * trade.lots,
        earned_decay=statistics.earned_decay * _KEPT + parts.time_paise / _PAISE,
        expected_costs=statistics.expected_costs * _KEPT + estimate.costs * trade.lots,
        paid_costs=statistics.paid_costs * _KEPT + paid,
        newest_ts=trade.header.ts,
    )
