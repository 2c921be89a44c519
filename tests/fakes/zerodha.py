"""Kite Connect on loopback, as its documentation says it behaves.

https://kite.trade/docs/connect/v3/market-quotes/ : columns of the dump, fields of a full quote, keys without data absent.
https://kite.trade/docs/connect/v3/exceptions/ : errors with `error_type`; one quote request a second, then 429.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from datetime import date, timedelta

import orjson
from fastapi import FastAPI, Request, Response

from shared.clock import NS_PER_SECOND, from_ns, ist_date
from shared.events import LegColumns
from shared.market.chain import ParsedChain
from tests.fakes.broker_api import Asked, FakeApi

LOT = 65
INDEX, VIX = "NSE:NIFTY 50", "NSE:INDIA VIX"
MOST = 500
_HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    "segment,exchange"
)


@dataclass
class FakeZerodha(FakeApi):
    """The API.

    Attributes:
        key, token: what it takes.
        absent: keys that have no data.
        broken: answers given for single keys instead of their quotes.
    """

    key: str = "app"
    token: str = "today"  # noqa: S105 - no password of anybody
    absent: set[str] = field(default_factory=set)
    broken: dict[str, object] = field(default_factory=dict)
    _last_quote_ns: int = -NS_PER_SECOND

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/instruments/NFO")
        async def instruments(request: Request) -> Response:
            return await self._answer(request) or Response(
                gzip.compress(self._dump(), 1), media_type="text/csv", headers={"content-encoding": "gzip"}
            )

        @app.get("/quote")
        async def quote(request: Request) -> Response:
            return await self._answer(request) or self._quotes(request)

        return app

    async def _answer(self, request: Request) -> Response | None:
        query = tuple(request.query_params.multi_items())
        self.asked.append(Asked(request.url.path, self.clock.now_ns(), query, {}, dict(request.headers)))
        wrong = await self.fault()
        if wrong is not None:
            return wrong
        if request.headers.get("x-kite-version") != "3":
            return _error(400, "Missing or invalid header X-Kite-Version", "InputException")
        if request.headers.get("authorization") != f"token {self.key}:{self.token}":
            return _error(403, "Incorrect `api_key` or `access_token`.", "TokenException")
        return None

    def _quotes(self, request: Request) -> Response:
        now_ns = self.clock.now_ns()
        if now_ns - self._last_quote_ns < NS_PER_SECOND:
            return _error(429, "Too many requests", "NetworkException")
        self._last_quote_ns = now_ns
        keys = request.query_params.getlist("i")
        if len(keys) > MOST:
            return _error(400, "Too many instruments", "InputException")
        known = self._known()
        answers = {key: self.broken.get(key, known[key]) for key in keys if key in known and key not in self.absent}
        return Response(orjson.dumps({"status": "success", "data": answers}), media_type="application/json")

    def _known(self) -> dict[str, dict[str, object]]:
        chain = self.tape.at(self.clock.now_ns())
        spot, vix = chain.spot or 0.0, 100.0 * (chain.vix or 0.14)
        found = {INDEX: _index(spot, 256265, chain), VIX: _index(round(vix, 2), 264969, chain)}
        for one in chain.expiries:
            for kind, leg in (("CE", one.call), ("PE", one.put)):
                for row, strike in enumerate(one.strikes):
                    found[f"NFO:{symbol(one.expiry, strike, kind)}"] = _option(leg, row, chain)
        return found

    def _dump(self) -> bytes:
        chain = self.tape.at(self.clock.now_ns())
        rows = [
            _HEAD,
            "408065,1594,INFY,INFOSYS,0,,,0.05,1,EQ,NSE,NSE",
            "1,1,NIFTYJUNK,NIFTY,0,someday,abc,0.05,65,CE,NFO-OPT,NFO",
            f"2,2,BANKNIFTY1,BANKNIFTY,0,{chain.expiries[0].expiry},50000,0.05,30,CE,NFO-OPT,NFO",
        ]
        gone = (ist_date(chain.stamp_ns) - timedelta(days=7)).isoformat()
        rows.append(f"3,3,NIFTYGONE,NIFTY,0,{gone},24000,0.05,{LOT},CE,NFO-OPT,NFO")
        for one in chain.expiries:
            for strike in one.strikes:
                rows += [
                    f"9,9,{symbol(one.expiry, strike, kind)},NIFTY,0.0,{one.expiry},{strike:g},0.05,{LOT},{kind},NFO-OPT,NFO"
                    for kind in ("CE", "PE")
                ]
        return "\n".join(rows).encode() + b"\n"


def symbol(expiry: str, strike: float, kind: str) -> str:
    """Name an option; the dump gives the name, nobody takes it apart."""
    return f"NIFTY{date.fromisoformat(expiry):%y%m%d}{strike:g}{kind}"


def _error(status: int, message: str, kind: str) -> Response:
    body = orjson.dumps({"status": "error", "message": message, "error_type": kind})
    return Response(body, status, media_type="application/json")


def _moment(chain: ParsedChain) -> str:
    return f"{from_ns(chain.stamp_ns):%Y-%m-%d %H:%M:%S}"


def _index(level: float, token: int, chain: ParsedChain) -> dict[str, object]:
    return {
        "instrument_token": token,
        "timestamp": _moment(chain),
        "last_price": level,
        "net_change": 0,
        "ohlc": {"open": level, "high": level, "low": level, "close": round(level - 12.5, 2)},
    }


def _option(leg: LegColumns, row: int, chain: ParsedChain) -> dict[str, object]:
    empty = [{"price": 0, "quantity": 0, "orders": 0}] * 4
    bid = {"price": leg.bid[row] or 0, "quantity": leg.bid_qty[row] or 0, "orders": 1}
    ask = {"price": leg.ask[row] or 0, "quantity": leg.ask_qty[row] or 0, "orders": 1}
    return {
        "instrument_token": row + 1,
        "timestamp": _moment(chain),
        "last_trade_time": _moment(chain),
        "last_price": leg.ltp[row] or 0,
        "last_quantity": LOT,
        "buy_quantity": 0,
        "sell_quantity": 0,
        "volume": (leg.volume[row] or 0) * LOT,
        "average_price": 0,
        "oi": (leg.oi[row] or 0) * LOT,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "net_change": 0,
        "lower_circuit_limit": 0.05,
        "upper_circuit_limit": 9999,
        "ohlc": {"open": 0, "high": 0, "low": 0, "close": 0},
        "depth": {"buy": [bid, *empty], "sell": [ask, *empty]},
    }
