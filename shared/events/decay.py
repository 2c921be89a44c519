"""What a short option is expected to earn by time and to cost, and what closed trades did of either."""

from __future__ import annotations

from shared.events.base import Record


class DecayEstimate(Record, frozen=True, kw_only=True):
    """What one lot was expected to bring when it was ordered, rupees.

    Attributes:
        holding_minutes: expected, variance minutes.
        decay: of the premium over that time, the forward and its volatility held still.
        harvest: what the market's own movement is expected to leave of it.
        costs: charges, spread and impact of the round trip.
    """

    holding_minutes: float
    decay: float
    harvest: float
    costs: float


class DecayStatistics(Record, frozen=True, kw_only=True):
    """Sums over closed trades that were entered on an estimate; each trade weighs a little less with every later one.

    Attributes:
        trades: their weights added up; bounded, as old ones fade.
        held_minutes: variance minutes from entry to exit.
        expected_decay, earned_decay: by the estimates, and `time` of the attributions, rupees.
        expected_costs, paid_costs: by the estimates, and charges, spread and impact of the attributions, rupees.
        newest_ts: event time of the newest trade.
    """

    trades: float = 0.0
    held_minutes: float = 0.0
    expected_decay: float = 0.0
    earned_decay: float = 0.0
    expected_costs: float = 0.0
    paid_costs: float = 0.0
    newest_ts: int = 0
