"""Where the result of a short position comes from: index move, time, volatility, spread and impact, charges.

At each mark the option is revalued in three steps, always in this order: the forward moves at the old volatility and
time (index move); time passes at the old volatility (time); what is left of the change of the mid is volatility. Where
the mid has an implied volatility, that rest is the Black-76 value of its change and the three are the change of the
model's value exactly. Cross terms of a step fall to the later cause; at a mark a minute they are small.

Rules for what is not quoted or has no volatility:

* without a two-sided quote the value moves with forward and time at the last volatility, nothing is volatility's, and
  the next mid sets the difference right as volatility
* a mid without an implied volatility (below intrinsic value) is taken as it is; its difference to the model is
  volatility's
* until the first mid after the sale, the first volatility counts as the one that held since; where there is none at all
  the premium moves with its intrinsic value
* spread and impact is the rest to the gross result: sale price to mid and mid to purchase price, the rounding of the
  parts to paise, and everything of a position that was never quoted on both sides
"""

from __future__ import annotations

import msgspec

from shared.events import Attribution, Contract, OptionKind
from shared.market.pricing import black76_price

_PAISE = 100


class RunningAttribution(msgspec.Struct):
    """What forward, time and volatility have done to a short position so far, rupees, a seller's gain positive.

    Attributes:
        index_move, time, volatility: up to the newest mark.
        units: short since then.
        forward, years: at that mark, points and years; None before the first.
        iv: implied volatility last known then, decimal.
        value: of one unit then, points: the mid, or what it has become by forward and time since; None before the first.
    """

    index_move: float = 0.0
    time: float = 0.0
    volatility: float = 0.0
    units: int = 0
    forward: float | None = None
    years: float | None = None
    iv: float | None = None
    value: float | None = None

    def see(
        self, contract: Contract, *, forward: float, years: float, iv: float | None, mid: float | None, units: int
    ) -> None:
        """Take a mark in.

        Args:
            contract: of the position.
            forward: of its expiry, points; at settlement the level it settles at.
            years: to its close; 0 at settlement.
            iv: implied volatility last known, decimal.
            mid: of a two-sided quote, points; at settlement the price it settles at.
            units: short from here on.
        """
        if self.forward is None or self.years is None:
            self._stand(forward, years, iv, mid, units)
            return
        assumed = next((known for known in (self.iv, iv) if known is not None), 0.0)
        is_call = contract.kind is OptionKind.CALL
        levels, times = (self.forward, forward, forward), (self.years, self.years, years)
        before, moved, aged = (float(v) for v in black76_price(levels, contract.strike, times, assumed, is_call))
        by_model = aged - before
        value = mid
        if value is None and self.value is not None:
            value = self.value + by_model
        if value is None:
            # Nothing to measure from yet: the step is made when there is, from where the position was sold.
            self.units = units
            return
        began = value - by_model if self.value is None else self.value
        self.index_move -= (moved - before) * self.units
        self.time -= (aged - moved) * self.units
        self.volatility -= (value - began - by_model) * self.units
        self._stand(forward, years, iv, value, units)

    def split(self, gross_paise: int, costs_paise: int) -> Attribution:
        """Give the parts of a result: whatever index move, time and volatility leave of gross is spread and impact."""
        parts = [round(rupees * _PAISE) for rupees in (self.index_move, self.time, self.volatility)]
        return Attribution(
            index_move_paise=parts[0],
            time_paise=parts[1],
            volatility_paise=parts[2],
            spread_and_impact_paise=gross_paise - sum(parts),
            charges_paise=-costs_paise,
        )

    def _stand(self, forward: float, years: float, iv: float | None, value: float | None, units: int) -> None:
        self.forward, self.years, self.iv, self.value, self.units = forward, years, iv, value, units
