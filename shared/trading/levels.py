"""Stop, target and trail of a short option, set on its premium when the entry is ordered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from shared.market.contracts import ContractTable
from shared.market.ticks import TICK, ceil_tick, floor_tick, nearest_tick

_NARROWEST, _WIDEST = 0.75, 1.5


class LevelRules(Protocol):
    """Where levels stand; risk's settings are one."""

    @property
    def reference_volatility(self) -> float:
        """At-the-money volatility, on the variance clock, at which the fractions hold as they are, decimal."""
        ...

    @property
    def stop_fraction(self) -> float:
        """Rise of the premium that stops out."""
        ...

    @property
    def target_fraction(self) -> float:
        """Fall of the premium that takes the profit."""
        ...

    @property
    def trail_fraction(self) -> float:
        """Distance of the trailing stop."""
        ...

    @property
    def limit_buffer(self) -> float:
        """How far under the bid a sale may fill, and over the ask a purchase, share of the quote."""
        ...


@dataclass(frozen=True, slots=True)
class Protection:
    """Premiums that close a short position, points: it loses as the premium rises to `stop`."""

    stop: float
    target: float
    trail: float


def protect(premium: float, atm_iv: float | None, rules: LevelRules) -> Protection:
    """Set the levels around the premium expected to be received, wider in volatile markets.

    The widening is atm_iv / reference_volatility, held between 0.75 and 1.5; unknown volatility leaves the fractions
    as they are.
    """
    scale = 1.0 if atm_iv is None else min(max(atm_iv / rules.reference_volatility, _NARROWEST), _WIDEST)
    return Protection(
        stop=max(nearest_tick(premium * (1.0 + rules.stop_fraction * scale)), nearest_tick(premium + TICK)),
        target=max(nearest_tick(premium * (1.0 - min(rules.target_fraction * scale, 0.9))), TICK),
        trail=max(nearest_tick(premium * rules.trail_fraction * scale), TICK),
    )


def sale_limit(bid: float, rules: LevelRules) -> float:
    """Give the least a sale may fetch, points: the bid less a buffer, so that the limit is marketable."""
    return floor_tick(bid * (1.0 - rules.limit_buffer))


def purchase_limit(
    ask: float,
    rules: LevelRules,
    contracts: ContractTable,
    *,
    underlying: str,
    on: date,
    reference: float | None = None,
) -> float:
    """Give the most a purchase may cost, points: the ask plus a buffer, so that the limit is marketable.

    It stays inside the exchange's price band of the day: a limit above that is rejected, one at its edge waits for the
    market to come back.

    Args:
        ask: what buying costs now, points.
        rules: their `limit_buffer` is the buffer.
        contracts: price bands by date.
        underlying: of the contract.
        on: trading day.
        reference: premium the band is taken around, points; the ask where the last trades are not known.
    """
    _, highest = contracts.price_band(ask if reference is None else reference, on, underlying)
    return min(ceil_tick(ask * (1.0 + rules.limit_buffer)), highest)
