"""What time takes from an option, and what of it a seller keeps.

Sold at an implied volatility s and held for h of variance time while the forward moves with a realised volatility v, an
option is worth on average what Black-76 says of a total variance of s^2 (T - h) + v^2 h. So the premium falls, on average,
as if the share 1 - v^2 / s^2 of the time had passed and nothing had moved: with that share of h the revaluation is exact.
"""

from __future__ import annotations

from shared.events import Contract, OptionKind
from shared.market.pricing import black76_price


def decay(contract: Contract, *, forward: float, years: float, volatility: float, lapse: float) -> float:
    """Give what an option loses when time passes and nothing moves, points; negative for a negative lapse.

    Args:
        contract: its strike and kind.
        forward: of its expiry, points.
        years: to its close, on the clock `volatility` is on.
        volatility: annual, decimal.
        lapse: years that pass; beyond the expiry nothing more is lost.
    """
    is_call = contract.kind is OptionKind.CALL
    before, after = (
        float(price)
        for price in black76_price(forward, contract.strike, (years, max(years - lapse, 0.0)), volatility, is_call)
    )
    return before - after
