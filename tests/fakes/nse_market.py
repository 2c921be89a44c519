"""What the fake site shows: a tape of chains, written as the site's own bodies, one side missing and each cache a little behind."""

from __future__ import annotations

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
from trading_system.rehearsal import tape as rehearsal
from trading_system.rehearsal.bodies import all_indices, contract_info, holiday_master, site_date, weekday_holidays

__all__ = [
    "CACHE_LAG_NS",
    "CACHE_SPOT",
    "Tape",
    "all_indices",
    "contract_info",
    "crossed",
    "holiday_master",
    "session_close",
    "site_date",
    "v3_body",
    "weekday_holidays",
]

CACHE_LAG_NS = 3 * NS_PER_SECOND
CACHE_SPOT = 0.45


class Tape(rehearsal.Tape):
    """Chains in time order; after the last one the site goes on showing it."""

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
