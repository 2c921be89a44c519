"""OpenAlgo on loopback, as its documentation says it behaves.

https://github.com/marketcalls/openalgo/tree/main/docs/api : symbol-services/expiry.md, options-services/optionchain.md,
market-data/multiquotes.md, depth.md and history.md; README.md for 403, rate-limiting.md for 429.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import orjson
from fastapi import FastAPI, Request, Response

from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, from_ns
from shared.events import ExpiryChain, LegColumns
from tests.fakes.broker_api import Asked, FakeApi

LOT = 65


@dataclass
class FakeOpenAlgo(FakeApi):
    """The API.

    Attributes:
        key: what it takes.
        unquoted: symbols that the broker gave nothing for: all zeros, as OpenAlgo writes them.
        broken: answers given for single options instead of their rows.
        has_oi: whether the broker behind gives OI.
        unix: candles are stamped by a count of seconds instead of a text.
        lag_ns: how far the broker's candles lie behind.
    """

    key: str = "key"
    unquoted: set[str] = field(default_factory=set)
    broken: dict[str, object] = field(default_factory=dict)
    has_oi: bool = True
    unix: bool = False
    lag_ns: int = 0

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/api/v1/{name}")
        async def ask(name: str, request: Request) -> Response:
            body: dict[str, object] = orjson.loads(await request.body())
            self.asked.append(Asked(request.url.path, self.clock.now_ns(), (), body, dict(request.headers)))
            wrong = await self.fault()
            if wrong is not None:
                return wrong
            if body.get("apikey") != self.key:
                return _json({"status": "error", "message": "Invalid openalgo apikey"}, 403)
            makers = {
                "expiry": self._expiry,
                "optionchain": self._chain,
                "multiquotes": self._quotes,
                "depth": self._depth,
                "history": self._history,
            }
            return makers[name](body)

        return app

    def _expiry(self, _body: Mapping[str, object]) -> Response:
        chain = self.tape.at(self.clock.now_ns())
        names = [f"{date.fromisoformat(one.expiry):%d-%b-%y}".upper() for one in chain.expiries]
        return _json({"status": "success", "message": f"Found {len(names)} expiry dates", "data": names})

    def _chain(self, body: Mapping[str, object]) -> Response:
        chain = self.tape.at(self.clock.now_ns())
        wanted = [one for one in chain.expiries if _short(one.expiry) == body["expiry_date"]]
        if not wanted or body["exchange"] != "NSE_INDEX":
            return _json({"status": "error", "message": "No strikes found. Please check expiry date"}, 404)
        one, spot, count = wanted[0], chain.spot or 0.0, int(str(body["strike_count"]))
        above = bisect_left(one.strikes, spot)
        nearest = min((max(above - 1, 0), min(above, len(one.strikes) - 1)), key=lambda at: abs(one.strikes[at] - spot))
        rows = range(max(nearest - count, 0), min(nearest + count + 1, len(one.strikes)))
        answer = [
            {"strike": one.strikes[row], "ce": self._row(one, "CE", row), "pe": self._row(one, "PE", row)}
            for row in rows
        ]
        return _json(
            {
                "status": "success",
                "underlying": "NIFTY",
                "underlying_ltp": spot,
                "expiry_date": body["expiry_date"],
                "atm_strike": one.strikes[nearest],
                "chain": answer,
            }
        )

    def _row(self, one: ExpiryChain, kind: str, row: int) -> object:
        leg = one.call if kind == "CE" else one.put
        name = symbol(one.expiry, one.strikes[row], kind)
        if name in self.broken:
            return self.broken[name]
        numbers: dict[str, object] = {
            "ltp": leg.ltp[row] or 0,
            "bid": leg.bid[row] or 0,
            "ask": leg.ask[row] or 0,
            "open": 0,
            "high": 0,
            "low": 0,
            "prev_close": 0,
            "volume": (leg.volume[row] or 0) * LOT,
            "oi": (leg.oi[row] or 0) * LOT if self.has_oi else 0,
        }
        if name in self.unquoted:
            numbers = dict.fromkeys(numbers, 0)
        return {"symbol": name, "label": "ATM", **numbers, "lotsize": LOT, "tick_size": 0.05}

    def _quotes(self, body: Mapping[str, object]) -> Response:
        chain = self.tape.at(self.clock.now_ns())
        spot, vix = chain.spot or 0.0, round(100.0 * (chain.vix or 0.14), 2)
        levels = {"NIFTY": (spot, round(spot - 12.5, 2)), "INDIAVIX": (vix, vix)}
        results: list[dict[str, object]] = []
        for wanted in body["symbols"]:  # type: ignore[attr-defined] # JSON
            name = wanted["symbol"]
            level = levels.get(name)
            told: dict[str, object] = {"error": "Invalid symbol"}
            if level is not None:
                told = {"data": {"ltp": level[0], "prev_close": level[1], "bid": 0, "ask": 0, "oi": 0, "volume": 0}}
            results.append({"symbol": name, "exchange": wanted["exchange"], **told})
        return _json({"status": "success", "results": results})

    def _depth(self, body: Mapping[str, object]) -> Response:
        chain = self.tape.at(self.clock.now_ns())
        for one in chain.expiries:
            for kind, leg in (("CE", one.call), ("PE", one.put)):
                for row, strike in enumerate(one.strikes):
                    if symbol(one.expiry, strike, kind) == body["symbol"]:
                        return _json({"status": "success", "data": _book(leg, row)})
        return _json({"status": "error", "message": "Symbol not found"}, 404)

    def _history(self, body: Mapping[str, object]) -> Response:
        assert body["interval"] == "1m"
        now_ns = self.clock.now_ns() - self.lag_ns
        newest = now_ns // NS_PER_MINUTE * NS_PER_MINUTE
        moments = [newest - back * NS_PER_MINUTE for back in (2, 1, 0)]
        stamps = [ns // NS_PER_SECOND if self.unix else f"{from_ns(ns):%Y-%m-%d %H:%M:%S}+05:30" for ns in moments]
        spot = self.tape.at(now_ns).spot
        rows = [
            {"timestamp": stamp, "open": spot, "high": spot, "low": spot, "close": spot, "volume": 0}
            for stamp in stamps
        ]
        return _json({"status": "success", "data": rows})


def symbol(expiry: str, strike: float, kind: str) -> str:
    """Name an option as OpenAlgo does."""
    return f"NIFTY{_short(expiry)}{strike:g}{kind}"


def _short(expiry: str) -> str:
    return f"{date.fromisoformat(expiry):%d%b%y}".upper()


def _book(leg: LegColumns, row: int) -> dict[str, object]:
    bid = {"price": leg.bid[row] or 0, "quantity": leg.bid_qty[row] or 0}
    ask = {"price": leg.ask[row] or 0, "quantity": leg.ask_qty[row] or 0}
    return {"ltp": leg.ltp[row] or 0, "volume": 0, "oi": 0, "bids": [bid], "asks": [ask]}


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
