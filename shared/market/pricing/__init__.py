"""Option prices, implied volatility and Greeks: vectorised, pure, in closed form.

Volatility is a decimal per year (0.12), time in years of 525,600 minutes, prices and strikes in index points.
What has no volatility is NaN in the arrays and a `VolatilityStatus` beside them, never a silent 0.
"""

from shared.market.pricing.black import (
    Greeks,
    black76_greeks,
    black76_price,
    black_scholes_greeks,
    black_scholes_price,
)
from shared.market.pricing.exchange import NSE_CARRY_RATE, nse_implied_volatility, nse_years
from shared.market.pricing.implied import (
    ImpliedGreeks,
    VolatilityStatus,
    black_scholes_implied_volatility,
    implied_greeks,
    implied_volatility,
    solve_implied_volatility,
)
from shared.market.pricing.year_fraction import minutes_between, year_fraction
from shared.market.year import DAYS_PER_YEAR, MINIMUM_MINUTES, MINUTES_PER_YEAR

__all__ = [
    "DAYS_PER_YEAR",
    "MINIMUM_MINUTES",
    "MINUTES_PER_YEAR",
    "NSE_CARRY_RATE",
    "Greeks",
    "ImpliedGreeks",
    "VolatilityStatus",
    "black76_greeks",
    "black76_price",
    "black_scholes_greeks",
    "black_scholes_implied_volatility",
    "black_scholes_price",
    "implied_greeks",
    "implied_volatility",
    "minutes_between",
    "nse_implied_volatility",
    "nse_years",
    "solve_implied_volatility",
    "year_fraction",
]
