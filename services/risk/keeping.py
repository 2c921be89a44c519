"""Whether a position is kept though the signal has turned or gone neutral.

Closing and coming back costs a round trip, so a position is worth keeping by what time is still expected to bring a seller
and, where that is something, by the round trip saved. What closing saves is what the turned signal expects the index to
take: 2c - 1 times the usual move over the time the position has left, times its delta, where c is the probability that the
turned side pays. A strong reversal closes, a weak one does not; a signal that is only neutral expects nothing, and
closes what no longer earns. The mean of the absolute move is sqrt(2 / pi) of its standard deviation.

Safety exits (stop, target, trail, time, square-off, halts) never ask here: the executor and the halts make them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from services.risk.decay import DecayJudge
from shared.clock import NS_PER_MINUTE
from shared.events import Position, Signal

_MEAN_OF_MOVE: Final = math.sqrt(2.0 / math.pi)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What speaks for keeping a position and what for closing it, rupees.

    Attributes:
        harvest: what time is still expected to bring.
        return_costs: of closing now and coming back, where something is to be earned.
        saved: by closing, of the move the signal expects.
    """

    harvest: float
    return_costs: float
    saved: float

    @property
    def keeps(self) -> bool:
        """Whether the position is worth more than closing it."""
        return self.harvest + self.return_costs > self.saved


def weigh(position: Position, signal: Signal, judge: DecayJudge) -> Keeping | None:
    """Weigh a position against a signal that no longer speaks for it; None where something needed is not known.

    Args:
        position: open, marked at the signal's step or later.
        signal: turned or neutral.
        judge: at the signal's event time.
    """
    market, leg = signal.market, position.legs[0]
    if leg.iv is None or leg.delta is None or leg.forward is None or leg.years is None:
        return None
    minutes = judge.holding_minutes(market.minutes_to_close)
    if position.time_exit_ns is not None:
        minutes = min(minutes, max(position.time_exit_ns - judge.ts, 0) / NS_PER_MINUTE)
    lapse, units = minutes / market.minutes_per_year, position.lots * position.lot_size
    per_unit = judge.harvest(leg.contract, forward=leg.forward, years=leg.years, volatility=leg.iv, lapse=lapse)
    bid, ask = _quote(position, signal)
    usual = leg.iv * math.sqrt(lapse) * leg.forward * abs(leg.delta) * units
    return Keeping(
        harvest=per_unit * units,
        return_costs=judge.round_trip(bid, ask, units) if per_unit > 0.0 else 0.0,
        saved=_saved(signal, judge, usual),
    )


def is_kept(position: Position, signal: Signal, judge: DecayJudge) -> bool:
    """Tell whether a position stays open though the signal no longer speaks for it.

    Never where the setting says no, and not in a regime that asks for caution: what time pays is measured over sessions
    and comes late there.
    """
    settings = judge.settings
    if not settings.keep_while_paid or signal.regime in settings.cautious_regimes:
        return False
    weighed = weigh(position, signal, judge)
    return weighed is not None and weighed.keeps


def _saved(signal: Signal, judge: DecayJudge, usual: float) -> float:
    if not signal.direction:
        return 0.0
    probability = signal.p_put_pays if signal.direction > 0 else signal.p_call_pays
    if probability is None:
        probability = 0.5 + judge.settings.uncalibrated_trust * (signal.confidence - 0.5)
    return max(2.0 * probability - 1.0, 0.0) * _MEAN_OF_MOVE * usual


def _quote(position: Position, signal: Signal) -> tuple[float, float]:
    """Give bid and ask of the contract; its mark for both where the view does not show it."""
    for each in signal.market.candidates:
        if each.contract == position.contract and each.bid and each.ask:
            return each.bid, each.ask
    return position.mark_price, position.mark_price
