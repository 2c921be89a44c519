"""Option premiums around the money and how they decay."""

from __future__ import annotations

from bisect import bisect_left

from services.features.families.declaration import Feature, Scaling, missing, ratio
from services.features.state.chain_arrays import CALL, PUT
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_STEPS = (1, 2, 3)
_PRICE = "price is the mid quote, or the last trade where the whole chain has no quotes"

FEATURES = (
    Feature(
        "atm_call_premium",
        "fraction of forward",
        f"call price at the strike nearest the forward / forward; {_PRICE}",
        "quote",
    ),
    Feature("atm_put_premium", "fraction of forward", "put price at the strike nearest the forward / forward", "quote"),
    Feature(
        "straddle_premium",
        "fraction of forward",
        "(call + put price) / forward at the strike nearest the forward",
        "quote",
    ),
    Feature(
        "straddle_points",
        "points",
        "call + put price at the strike nearest the forward",
        "quote",
        scaling=Scaling.PROPORTIONAL,
    ),
    *(
        Feature(
            f"otm_call_premium_{step}",
            "fraction of forward",
            f"call price {step} listed strike(s) above the money / forward",
            "quote",
        )
        for step in _STEPS
    ),
    *(
        Feature(
            f"otm_put_premium_{step}",
            "fraction of forward",
            f"put price {step} listed strike(s) below the money / forward",
            "quote",
        )
        for step in _STEPS
    ),
    Feature(
        "straddle_theta_per_minute",
        "fraction of premium per minute",
        "(call theta + put theta) / variance minutes of a year / straddle price at the money: what a minute of trading takes; negative",
        "Black (1976), own volatility",
    ),
    Feature(
        "straddle_decay_15m",
        "fraction of premium",
        "straddle price now / its price 15 minutes ago - 1, at the strike that was at the money then",
        "quote",
        warm_up=15,
        needs_history=True,
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money = now.money
    if money is None:
        return missing(FEATURES)
    forward, atm = money.forward, money.atm
    calls: list[float] = now.price[CALL, atm : atm + 4].tolist()
    puts: list[float] = now.price[PUT, max(atm - 3, 0) : atm + 1].tolist()[::-1]
    calls += [NAN] * (4 - len(calls))
    puts += [NAN] * (4 - len(puts))
    straddle = calls[0] + puts[0]
    theta = float(money.greeks.theta[CALL, atm] + money.greeks.theta[PUT, atm])
    return (
        calls[0] / forward,
        puts[0] / forward,
        straddle / forward,
        straddle,
        *(calls[step] / forward for step in _STEPS),
        *(puts[step] / forward for step in _STEPS),
        ratio(theta / now.clock.minutes_per_year(now.ts), straddle),
        _decay(now, past),
    )


def _decay(now: CrossSection, past: Past | None) -> float:
    then = past.session.before(now.ts, 15.0) if past is not None else None
    if then is None or now.front is None:
        return NAN
    strikes = now.front.chain.strikes
    index = bisect_left(strikes, then.strike)
    if index == len(strikes) or strikes[index] != then.strike:
        return NAN
    return ratio(float(now.price[CALL, index] + now.price[PUT, index]), then.straddle) - 1.0
