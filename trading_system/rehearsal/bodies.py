"""Chains written as the exchange's site writes them: the bodies of its addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from shared.clock import from_ns
from shared.events import ExpiryChain, LegColumns
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain

_USUAL_VIX: Final = 0.1395
_SATURDAY: Final = 5


def contract_info(chain: ParsedChain) -> bytes:
    """Write the list of expiries."""
    strikes = sorted({strike for one in chain.expiries for strike in one.strikes})
    dates = [site_date(one.expiry) for one in chain.expiries]
    return msgspec.json.encode({"expiryDates": dates, "strikePrice": strikes})


def v3_body(chain: ParsedChain, expiry: str, stamp_ns: int, spot: float) -> bytes:
    """Write one expiry; `{}` for one that is not there, as the site does.

    Args:
        chain: what the market shows.
        expiry: as the site writes dates.
        stamp_ns: of the body, ns UTC.
        spot: of the body, points.
    """
    names = [site_date(one.expiry) for one in chain.expiries]
    if expiry not in names:
        return b"{}"
    one = chain.expiries[names.index(expiry)]
    rows = [
        {
            "strikePrice": strike,
            "expiryDates": expiry,
            "CE": _leg(chain, one, one.call, row, spot),
            "PE": _leg(chain, one, one.put, row, spot),
        }
        for row, strike in enumerate(one.strikes)
    ]
    return msgspec.json.encode(
        {
            "records": {
                "data": rows,
                "timestamp": f"{from_ns(stamp_ns):%d-%b-%Y %H:%M:%S}",
                "underlyingValue": spot,
                "expiryDates": names,
                "strikePrices": [f"{strike:g}" for strike in one.strikes],
            },
            "filtered": {"data": [], "CE": {"totOI": 0, "totVol": 0}, "PE": {"totOI": 0, "totVol": 0}},
        }
    )


def all_indices(chain: ParsedChain) -> bytes:
    """Write the indices, India VIX in per cent among them."""
    level = 100.0 * (chain.vix if chain.vix is not None else _USUAL_VIX)
    rows = [
        {"indexSymbol": "NIFTY 50", "last": chain.spot, "previousClose": chain.previous_close},
        {"indexSymbol": "INDIA VIX", "last": round(level, 2)},
    ]
    return msgspec.json.encode({"timestamp": f"{from_ns(chain.stamp_ns):%d-%b-%Y %H:%M}", "data": rows})


def holiday_master(days: Sequence[tuple[date, str]]) -> bytes:
    """Write the holidays of both segments."""
    rows = [{"tradingDate": f"{day:%d-%b-%Y}", "weekDay": f"{day:%A}", "description": name} for day, name in days]
    return msgspec.json.encode({"CM": rows[:1], "FO": rows})


def weekday_holidays(calendar: TradingCalendar, year: int) -> list[tuple[date, str]]:
    """List a year's weekday holidays as our calendar has them, those with an evening session included, as the site does."""
    days = [date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)]
    return [
        (day, calendar.holiday_name(day) or "holiday")
        for day in days
        if day.weekday() < _SATURDAY and (not calendar.is_trading_day(day) or calendar.holiday_name(day) is not None)
    ]


def site_date(iso: str) -> str:
    """Write an ISO date as the site does."""
    return f"{date.fromisoformat(iso):%d-%b-%Y}"


def _leg(chain: ParsedChain, one: ExpiryChain, leg: LegColumns, row: int, spot: float) -> dict[str, object]:
    return {
        "strikePrice": one.strikes[row],
        "expiryDate": f"{date.fromisoformat(one.expiry):%d-%m-%Y}",
        "underlying": chain.underlying,
        "openInterest": leg.oi[row] or 0,
        "changeinOpenInterest": leg.oi_change[row] or 0,
        "totalTradedVolume": leg.volume[row] or 0,
        "impliedVolatility": round(100.0 * (leg.iv[row] or 0.0), 2),
        "lastPrice": leg.ltp[row] or 0,
        "buyPrice1": leg.bid[row] or 0,
        "buyQuantity1": leg.bid_qty[row] or 0,
        "sellPrice1": leg.ask[row] or 0,
        "sellQuantity1": leg.ask_qty[row] or 0,
        "optionType": None,
        "underlyingValue": spot,
    }
