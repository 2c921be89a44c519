"""Live chains by OpenAlgo, one self-hosted API in front of the account at any of its brokers.

Documentation: https://docs.openalgo.in/api-documentation/v1/data-api and the pages of
https://github.com/marketcalls/openalgo/tree/main/docs/api: options-services/optionchain.md (one expiry a call),
symbol-services/expiry.md, market-data/multiquotes.md, depth.md (one symbol a call), history.md, rate-limiting.md (50
requests a second by default, 429 mostly without Retry-After), README.md (status codes: 403 for a key it does not know, or
whose broker session is over).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from time import monotonic
from typing import Final

import msgspec

from services.ingest.sources.api.client import ApiClient, Request
from services.ingest.sources.api.errors import ApiSessionError
from services.ingest.sources.api.pace import RequestPace
from services.ingest.sources.api.source import ApiSource
from services.ingest.sources.api.strikes import around_the_money
from services.ingest.sources.openalgo.bodies import (
    IndexQuote,
    OptionDepth,
    StrikeRow,
    chain_of_expiry,
    expiry_list,
    index_quotes,
    newest_candle_ns,
    option_depth,
    strike_rows,
)
from services.ingest.sources.port import SourceContext
from shared.errors import BadInputError, ConfigError, TableError
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT: Final = "openalgo-chain"
API: Final = "/api/v1"
EXPIRY: Final = f"{API}/expiry"
CHAIN: Final = f"{API}/optionchain"
QUOTES: Final = f"{API}/multiquotes"
DEPTH: Final = f"{API}/depth"
HISTORY: Final = f"{API}/history"
INDEX_EXCHANGE: Final = "NSE_INDEX"
OPTIONS_EXCHANGE: Final = "NFO"
VIX: Final = "INDIAVIX"

_MOST_STRIKES = 100
_DEPTH_SHARE = 0.5


class OpenAlgoSource(ApiSource):
    """Asks OpenAlgo for the chain of each of the nearest expiries.

    No REST answer of OpenAlgo's but the candles carries the exchange's time, so the index's newest minute candle, asked for
    before the chain, stamps it: a chain is never older than its stamp says, and at most a minute younger. A feed that stands
    still behind OpenAlgo makes no new candle and so no new stamp, which the host's clock would hide. The chain's answer has
    prices alone; quantities at the touch come from the depth of the strikes nearest to the money, one request each.

    Args:
        context: what sources are made with.
        monotonic: seconds of a clock that only goes forward.

    Raises:
        ConfigError: a setting that it needs is missing or wrong.
    """

    name = "openalgo"
    how_to_log_in = "log in to your broker on OpenAlgo's own page, and see that the API key is the one shown there"
    probe_gap_s = 60.0

    def __init__(self, context: SourceContext, monotonic: Callable[[], float] = monotonic) -> None:
        settings = context.settings
        if settings.openalgo_api_key is None:
            raise ConfigError("THETAFLOW_INGEST_OPENALGO_API_KEY: expected the API key of your OpenAlgo, got nothing")
        self._key = settings.openalgo_api_key.get_secret_value()
        pace = RequestPace(settings.openalgo_per_s, context.sleep, monotonic)
        client = ApiClient(
            settings.openalgo_url,
            "THETAFLOW_INGEST_OPENALGO_URL",
            pace=pace,
            clock=context.clock,
            timeout_s=settings.api_timeout_s,
            secrets=lambda: (self._key,),
        )
        super().__init__(context, client, pace)
        self._monotonic = monotonic
        self._expiries: tuple[date, ...] = ()
        self._listed_on: date | None = None

    def _credentials(self) -> str:
        return self._key

    # --- what is asked ------------------------------------------------------------------------------------------

    async def _chain(self, day: date) -> tuple[ParsedChain, list[BadInputError]]:
        began_s = self._monotonic()
        wanted = [one for one in await self._listed(day) if one >= day][: self._settings.api_expiries]
        if not wanted:
            raise EmptyInputError(f"an expiry from {day} on", "none", EXPIRY)
        stamp_ns = await self._stamp(day)
        parts: list[tuple[date, tuple[StrikeRow, ...], float | None]] = []
        missing: list[BadInputError] = []
        for expiry in wanted:
            try:
                rows, level = await self._rows(expiry)
            except ApiSessionError:
                raise
            except BadInputError as error:
                if not parts:
                    raise
                missing.append(error)
            else:
                parts.append((expiry, rows, level if level and level > 0.0 else None))
        spot = parts[0][2]
        indices = await self._indices(missing)
        depths = await self._depths(parts[0][1], spot, began_s, missing)
        expiries = tuple(
            chain_of_expiry(expiry, rows, depths if expiry == parts[0][0] else {}, self._lot(expiry, day), level)
            for expiry, rows, level in parts
        )
        vix, index = (indices.get(name, IndexQuote()) for name in (VIX, self._settings.underlying))
        chain = ParsedChain(
            underlying=self._settings.underlying,
            stamp_ns=stamp_ns,
            received_ns=self._clock.now_ns(),
            spot=spot,
            vix=vix.ltp / 100.0 if vix.ltp and vix.ltp > 0.0 else None,
            expiries=expiries,
            source=FORMAT,
            previous_close=index.prev_close if index.prev_close and index.prev_close > 0.0 else None,
        )
        return chain, missing

    async def _listed(self, day: date) -> tuple[date, ...]:
        if self._listed_on != day:
            body = {
                "symbol": self._settings.underlying,
                "exchange": OPTIONS_EXCHANGE,
                "instrumenttype": "options",
            }
            self._expiries = await self._ask(self._post(EXPIRY, body), expiry_list)
            self._listed_on = day
        return self._expiries

    async def _stamp(self, day: date) -> int:
        body = {
            "symbol": self._settings.underlying,
            "exchange": INDEX_EXCHANGE,
            "interval": "1m",
            "start_date": day.isoformat(),
            "end_date": day.isoformat(),
        }
        return await self._ask(self._post(HISTORY, body), newest_candle_ns)

    async def _rows(self, expiry: date) -> tuple[tuple[StrikeRow, ...], float | None]:
        body = {
            "underlying": self._settings.underlying,
            "exchange": INDEX_EXCHANGE,
            "expiry_date": f"{expiry:%d%b%y}".upper(),
            "strike_count": min(self._settings.api_strikes, _MOST_STRIKES),
        }
        return await self._ask(self._post(CHAIN, body), strike_rows)

    async def _indices(self, missing: list[BadInputError]) -> dict[str, IndexQuote]:
        """India VIX and the last close add to a chain and are not worth losing one."""
        symbols = [{"symbol": name, "exchange": INDEX_EXCHANGE} for name in (self._settings.underlying, VIX)]
        try:
            return await self._ask(self._post(QUOTES, {"symbols": symbols}), index_quotes, attempts=1)
        except BadInputError as error:
            self.counts["no_indices"] += 1
            missing.append(error)
            return {}

    async def _depths(
        self, rows: tuple[StrikeRow, ...], money: float | None, began_s: float, missing: list[BadInputError]
    ) -> dict[str, OptionDepth]:
        """Give the books of the front expiry's options nearest to the money; none is worth losing the chain."""
        each_side = self._settings.openalgo_depth_strikes
        if each_side == 0 or money is None:
            return {}
        near = set(around_the_money([row.strike for row in rows], money, each_side))
        symbols = [
            option.symbol
            for row in rows
            if row.strike in near
            for option in (row.ce, row.pe)
            if option is not None and option.symbol
        ]
        depths: dict[str, OptionDepth] = {}
        for symbol in symbols:
            if self._pace.held_s() > 0.0 or self._monotonic() - began_s > _DEPTH_SHARE * self._settings.poll_s:
                # What a slow API leaves undone is without quantities, and told by the count.
                self.counts["depth_left_out"] += 1
                continue
            request = self._post(DEPTH, {"symbol": symbol, "exchange": OPTIONS_EXCHANGE})
            try:
                depths[symbol] = await self._ask(request, option_depth, attempts=1)
            except BadInputError as error:
                self.counts["no_depth"] += 1
                missing.append(error)
        return depths

    def _lot(self, expiry: date, day: date) -> int | None:
        try:
            return self._context.contracts.lot_size(self._settings.underlying, expiry, day)
        except TableError:
            return None  # Rows say their own as a rule.

    def _post(self, path: str, body: Mapping[str, object]) -> Request:
        content = msgspec.json.encode({"apikey": self._key, **body})
        return Request(path, body=content, headers={"Content-Type": "application/json"})
