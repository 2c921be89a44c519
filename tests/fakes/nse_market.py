"""What the fake site shows: a tape of chains, written as the site's own bodies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import orjson

from services.ingest.formats import oldapi
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, from_ns
from shared.events import ExpiryChain, LegColumns
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain

CACHE_LAG_NS = 3 * NS_PER_SECOND
CACHE_SPOT = 0.45


@dataclass(frozen=True, slots=True)
class Tape:
    """Chains in time order; after the last one the site goes on showing it."""

    chains: tuple[ParsedChain, ...]

    @classmethod
    def synthetic(cls, day: date, *, seed: int = 11, expiries: int = 3) -> Tape:
        """Make a day of the synthetic market."""
        return cls(tuple(synthetic_days(seed, 1, start=day, expiries=expiries)))

    @classmethod
    def captured(cls, folder: Path, first_ns: int, expiries: int = 3) -> Tape:
        """Show a day's real captures one a minute from `first_ns` on: their figures, other stamps."""
        read = [oldapi.read(path) for path in sorted(folder.glob("*.json.gz"))]
        distinct = {chain.stamp_ns: chain for chain in read}
        return cls(
            tuple(
                msgspec.structs.replace(
                    chain, stamp_ns=first_ns + i * NS_PER_MINUTE, expiries=chain.expiries[:expiries]
                )
                for i, (_, chain) in enumerate(sorted(distinct.items()))
            )
        )

    def at(self, now_ns: int) -> ParsedChain:
        """Give the newest chain at a moment, the first one before it begins."""
        stamps = [chain.stamp_ns for chain in self.chains]
        return self.chains[max(bisect_right(stamps, now_ns) - 1, 0)]


def crossed(chain: ParsedChain) -> ParsedChain:
    """Turn every quote of every expiry round."""

    def turned(leg: LegColumns) -> LegColumns:
        return msgspec.structs.replace(leg, bid=leg.ask, ask=leg.bid)

    return msgspec.structs.replace(
        chain,
        expiries=tuple(
            msgspec.structs.replace(one, call=turned(one.call), put=turned(one.put)) for one in chain.expiries
        ),
    )


def contract_info(chain: ParsedChain) -> bytes:
    """Write the list of expiries."""
    strikes = sorted({strike for one in chain.expiries for strike in one.strikes})
    return orjson.dumps({"expiryDates": [site_date(one.expiry) for one in chain.expiries], "strikePrice": strikes})


def v3_body(chain: ParsedChain, expiry: str, lag_ns: int = 0) -> bytes:
    """Write one expiry as the site's cache for it shows it: a little older and at a slightly different spot each.

    `{}` for an expiry that is not there, as the site does.
    """
    names = [site_date(one.expiry) for one in chain.expiries]
    if expiry not in names:
        return b"{}"
    place = names.index(expiry)
    one = chain.expiries[place]
    closes = session_close(chain.stamp_ns) == chain.stamp_ns
    stamp_ns = chain.stamp_ns - lag_ns - (0 if closes else place * CACHE_LAG_NS)
    spot = round((chain.spot or 0.0) + place * CACHE_SPOT, 2)
    rows = [
        {
            "strikePrice": strike,
            "expiryDates": expiry,
            "CE": _leg(one, one.call, i, spot),
            "PE": _leg(one, one.put, i, spot) if i else {},
        }
        for i, strike in enumerate(one.strikes)
    ]
    return orjson.dumps(
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
    level = 100.0 * (chain.vix if chain.vix is not None else 0.1395)
    rows = [
        {"indexSymbol": "NIFTY 50", "last": chain.spot},
        {"indexSymbol": "INDIA VIX", "last": round(level, 2)},
    ]
    return orjson.dumps({"timestamp": f"{from_ns(chain.stamp_ns):%d-%b-%Y %H:%M}", "data": rows})


def holiday_master(days: Sequence[tuple[date, str]]) -> bytes:
    """Write the holidays of both segments."""
    rows = [{"tradingDate": f"{day:%d-%b-%Y}", "weekDay": f"{day:%A}", "description": name} for day, name in days]
    return orjson.dumps({"CM": rows[:1], "FO": rows})


def weekday_holidays(calendar: TradingCalendar, year: int) -> list[tuple[date, str]]:
    """List a year's weekday holidays as our calendar has them."""
    days = [date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)]
    return [
        (day, calendar.holiday_name(day) or "holiday")
        for day in days
        if day.weekday() < 5 and not calendar.is_trading_day(day)
    ]


def site_date(iso: str) -> str:
    """Write an ISO date as the site does."""
    return f"{date.fromisoformat(iso):%d-%b-%Y}"


def session_close(stamp_ns: int) -> int:
    """Give the close of the session a stamp belongs to, -1 when there is none."""
    session = _CALENDAR.session(from_ns(stamp_ns).date())
    return -1 if session is None else session.close_ns


_CALENDAR = TradingCalendar.load()


def _leg(one: ExpiryChain, leg: LegColumns, i: int, spot: float) -> dict[str, object]:
    return {
        "strikePrice": one.strikes[i],
        "expiryDate": f"{date.fromisoformat(one.expiry):%d-%m-%Y}",
        "underlying": "NIFTY",
        "openInterest": leg.oi[i] or 0,
        "changeinOpenInterest": leg.oi_change[i] or 0,
        "totalTradedVolume": leg.volume[i] or 0,
        "impliedVolatility": round(100.0 * (leg.iv[i] or 0.0), 2),
        "lastPrice": leg.ltp[i] or 0,
        "buyPrice1": leg.bid[i] or 0,
        "buyQuantity1": leg.bid_qty[i] or 0,
        "sellPrice1": leg.ask[i] or 0,
        "sellQuantity1": leg.ask_qty[i] or 0,
        "optionType": None,
        "underlyingValue": spot,
    }
