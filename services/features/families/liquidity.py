"""What it costs to trade, and how much stands at the best quotes."""

from __future__ import annotations

import numpy as np

from services.features.families.declaration import Feature, Scaling, missing, ratio
from services.features.state.chain_arrays import ASK, ASK_QTY, BID, BID_QTY, CALL, PUT
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_BOOK = "best quotes"
_IMBALANCE = "the mean of (bid - ask quantity) / (bid + ask quantity) over its legs with a two-sided quote"
_PRESSURE = "queue imbalance: Gould and Bonart (2016)"

FEATURES = (
    Feature("atm_spread", "fraction of mid", "mean of (ask - bid) / mid of call and put at the money", _BOOK),
    Feature(
        "atm_spread_points",
        "points",
        "mean of ask - bid of call and put at the money",
        _BOOK,
        scaling=Scaling.PROPORTIONAL,
    ),
    Feature(
        "band_spread", "fraction of mid", "median of (ask - bid) / mid over the quoted legs of the ATM band", _BOOK
    ),
    Feature(
        "quoted_share", "0 to 1", "legs of the ATM band with a two-sided, uncrossed quote / legs of the band", _BOOK
    ),
    Feature("atm_depth", "units", "mean of the four best quantities at the money", _BOOK),
    Feature(
        "call_depth_imbalance",
        "-1 to 1",
        "(bid - ask quantity) / (bid + ask quantity) of calls over the ATM band",
        _BOOK,
    ),
    Feature(
        "put_depth_imbalance", "-1 to 1", "(bid - ask quantity) / (bid + ask quantity) of puts over the ATM band", _BOOK
    ),
    Feature("book_pressure", "-1 to 1", f"half of calls less puts, each {_IMBALANCE}", _PRESSURE),
    Feature(
        "book_pressure_5m",
        "-1 to 1",
        "mean of book_pressure over the minutes of the last 5",
        _PRESSURE,
        warm_up=5,
        needs_history=True,
    ),
    Feature(
        "book_pressure_15m",
        "-1 to 1",
        "mean of book_pressure over the minutes of the last 15",
        _PRESSURE,
        warm_up=15,
        needs_history=True,
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money = now.money
    if money is None:
        return missing(FEATURES)
    band, at = money.band, money.atm - money.band.start
    mid = now.mid[:, band]
    spread = now.columns[:, ASK, band] - now.columns[:, BID, band]
    share = spread / mid
    quoted = np.sort(share[share == share])  # noqa: PLR0124 - NaN differs from itself
    count = quoted.size
    median = float(0.5 * (quoted[(count - 1) // 2] + quoted[count // 2])) if count else np.nan
    calls, puts = now.band_totals
    depth = now.columns[:, BID_QTY : ASK_QTY + 1, money.atm]
    usable = mid == mid  # noqa: PLR0124 - NaN differs from itself
    points = np.where(usable[:, at], spread[:, at], np.nan)
    return (
        float(0.5 * (share[CALL, at] + share[PUT, at])),
        float(0.5 * (points[CALL] + points[PUT])),
        median,
        count / mid.size,
        float(depth.sum() / depth.size),
        ratio(calls[BID_QTY] - calls[ASK_QTY], calls[BID_QTY] + calls[ASK_QTY]),
        ratio(puts[BID_QTY] - puts[ASK_QTY], puts[BID_QTY] + puts[ASK_QTY]),
        now.pressure,
        past.session.mean_pressure(now.ts, 5.0) if past is not None else NAN,
        past.session.mean_pressure(now.ts, 15.0) if past is not None else NAN,
    )
