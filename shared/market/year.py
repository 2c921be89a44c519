"""The year of every annual figure, for tables and settings that need no arrays."""

from __future__ import annotations

from typing import Final

DAYS_PER_YEAR: Final = 365.0
"""Calendar days in the year of every annual figure: the denominator CBOE and NSE use for their volatility indices."""

MINUTES_PER_YEAR: Final = DAYS_PER_YEAR * 1440.0
"""Minutes in that year."""

MINIMUM_MINUTES: Final = 5.0
"""Floor of the time to expiry.

In the last minutes gamma grows without bound and one tick of premium is several volatility points, so figures
computed with less time than this describe the tick size and not the market.
"""
