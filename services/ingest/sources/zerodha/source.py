"""Live chains by Zerodha's Kite Connect: the dump of instruments once a day, full quotes at each poll.

Documentation: https://kite.trade/docs/connect/v3/market-quotes/ (up to 500 instruments a call),
https://kite.trade/docs/connect/v3/exceptions/ (one quote request a second, 429, TokenException),
https://kite.trade/docs/connect/v3/user/ (header, and the access token that expires at 6 in the morning).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Final

from services.ingest.sources.api.client import ApiClient, Request
from services.ingest.sources.api.errors import ApiBodyError, ApiSessionError
from services.ingest.sources.api.pace import RequestPace
from services.ingest.sources.api.source import ApiSource
from services.ingest.sources.api.strikes import around_the_money
from services.ingest.sources.port import SourceContext
from services.ingest.sources.zerodha.bodies import (
    EXCHANGE,
    FullQuote,
    Listed,
    chain_of_expiry,
    full_quotes,
    listed_options,
    stamp_of,
)
from shared.clock import NS_PER_SECOND
from shared.errors import BadInputError, ConfigError
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT: Final = "zerodha-quote"
QUOTE: Final = "/quote"
INSTRUMENTS: Final = f"/instruments/{EXCHANGE}"
MOST_INSTRUMENTS: Final = 500
VIX: Final = "NSE:INDIA VIX"
INDEX_OF: Final[Mapping[str, str]] = MappingProxyType(
    {"NIFTY": "NSE:NIFTY 50", "BANKNIFTY": "NSE:NIFTY BANK", "FINNIFTY": "NSE:NIFTY FIN SERVICE"}
)

_QUOTES_PER_S = 1.0
_INDEX_AGE_NS = 90 * NS_PER_SECOND
"""How far the index's stamp may lie from the options' to be of one moment with them."""
_VIX_AGE_NS = 300 * NS_PER_SECOND


class ZerodhaSource(ApiSource):
    """Asks Kite Connect for the options around the money of the nearest expiries.

    Each answer's stamp is the newest of its options' exchange stamps: an option nobody touches keeps an old stamp and a
    quote that still holds. The chain carries the oldest of its answers' stamps. The index and India VIX come with the
    first answer. The access token is read from its file at each poll, so that the one of the day is taken up as soon as
    it is written there.

    Args:
        context: what sources are made with.
        monotonic: seconds of a clock that only goes forward.

    Raises:
        ConfigError: a setting that it needs is missing or wrong.
    """

    name = "zerodha"
    probe_gap_s = 900.0

    def __init__(self, context: SourceContext, monotonic: Callable[[], float] = monotonic) -> None:
        settings = context.settings
        if settings.zerodha_api_key is None:
            raise ConfigError(
                "THETAFLOW_INGEST_ZERODHA_API_KEY: expected the key of your Kite Connect app, got nothing"
            )
        if settings.zerodha_token_path is None:
            raise ConfigError(
                "THETAFLOW_INGEST_ZERODHA_TOKEN_PATH: expected the file that the day's access token is written to, "
                "got nothing"
            )
        if settings.underlying not in INDEX_OF:
            raise ConfigError(
                f"THETAFLOW_INGEST_UNDERLYING: expected one of {', '.join(INDEX_OF)} with source zerodha, "
                f"got {settings.underlying!r}"
            )
        self._api_key = settings.zerodha_api_key.get_secret_value()
        self._token_path: Path = settings.zerodha_token_path
        self.how_to_log_in = (
            f"log in at https://kite.zerodha.com/connect/login and write the access token to {self._token_path}"
        )
        pace = RequestPace(_QUOTES_PER_S, context.sleep, monotonic)
        client = ApiClient(
            settings.zerodha_url,
            "THETAFLOW_INGEST_ZERODHA_URL",
            pace=pace,
            clock=context.clock,
            timeout_s=settings.api_timeout_s,
            secrets=lambda: (self._api_key, *filter(None, (self._read_token(),))),
        )
        super().__init__(context, client, pace)
        self._listed: tuple[Listed, ...] = ()
        self._listed_on: date | None = None
        self._money: tuple[date, float] | None = None

    def _read_token(self) -> str:
        try:
            return self._token_path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _credentials(self) -> str:
        token = self._read_token()
        if not token:
            raise ApiSessionError("an access token", "none", str(self._token_path))
        return token

    # --- what is asked ------------------------------------------------------------------------------------------

    async def _chain(self, day: date) -> tuple[ParsedChain, list[BadInputError]]:
        index = INDEX_OF[self._settings.underlying]
        listed = (await self._listed_options(day))[: self._settings.api_expiries]
        money = await self._level(day, index)
        chosen = [(one, around_the_money(one.strikes, money, self._settings.api_strikes)) for one in listed]
        wanted = {one.expiry: self._keys(one, strikes) for one, strikes in chosen}
        keys = [index, VIX, *(key for part in wanted.values() for key in part)]
        quotes: dict[str, FullQuote] = {}
        stamps: list[int] = []
        missing: list[BadInputError] = []
        for first in range(0, len(keys), MOST_INSTRUMENTS):
            batch = keys[first : first + MOST_INSTRUMENTS]
            try:
                found = await self._quotes(batch)
            except ApiSessionError:
                raise
            except BadInputError as error:
                if not quotes:
                    raise
                missing.append(error)
                continue
            options = [found[key] for key in batch if key in found and key not in {index, VIX}]
            newest = max(filter(None, (stamp_of(quote, QUOTE) for quote in options)), default=None)
            if newest is None:
                missing.append(ApiBodyError("an exchange stamp on one option at least", "none", QUOTE))
                continue
            quotes |= found
            stamps.append(newest)
        if not stamps:
            raise missing[0] if missing else EmptyInputError("quotes of options", "none", QUOTE)
        stamp_ns = min(stamps)
        spot = _near(quotes.get(index), stamp_ns, _INDEX_AGE_NS)
        vix = _near(quotes.get(VIX), stamp_ns, _VIX_AGE_NS)
        if spot is not None:
            self._money = (day, spot)
        present = [(one, strikes) for one, strikes in chosen if any(key in quotes for key in wanted[one.expiry])]
        missing += [
            EmptyInputError("quotes of an expiry", "none", f"{QUOTE} {one.expiry}")
            for one, strikes in chosen
            if (one, strikes) not in present
        ]
        if not present:
            raise EmptyInputError("quotes of options", "none", QUOTE)
        index_quote = quotes.get(index)
        return (
            ParsedChain(
                underlying=self._settings.underlying,
                stamp_ns=stamp_ns,
                received_ns=self._clock.now_ns(),
                spot=spot,
                vix=None if vix is None else vix / 100.0,
                expiries=tuple(chain_of_expiry(one, strikes, quotes, spot) for one, strikes in present),
                source=FORMAT,
                previous_close=None
                if index_quote is None or index_quote.ohlc is None
                else index_quote.ohlc.close or None,
            ),
            missing,
        )

    async def _listed_options(self, day: date) -> tuple[Listed, ...]:
        """Give the day's contracts; the dump is made once a day."""
        if self._listed_on != day:
            underlying = self._settings.underlying
            self._listed = await self._ask(
                Request(INSTRUMENTS, headers=self._headers()),
                lambda content, where: listed_options(content, where, underlying, day),
            )
            self._listed_on = day
        return self._listed

    async def _level(self, day: date, index: str) -> float:
        """Give the level around which strikes are chosen: the last poll's, asked for when there is none of the day."""
        if self._money is not None and self._money[0] == day:
            return self._money[1]
        quote = (await self._quotes([index])).get(index)
        if quote is None or not quote.last_price or quote.last_price <= 0.0:
            raise ApiBodyError(f"the level of {index}", "none", QUOTE)
        return quote.last_price

    async def _quotes(self, keys: list[str]) -> dict[str, FullQuote]:
        request = Request(QUOTE, params=[("i", key) for key in keys], headers=self._headers())
        quotes, unreadable = await self._ask(request, full_quotes)
        self.counts["unreadable_quotes"] += unreadable
        self.counts["absent_quotes"] += len(keys) - len(quotes) - unreadable
        return quotes

    def _headers(self) -> dict[str, str]:
        return {"X-Kite-Version": "3", "Authorization": f"token {self._api_key}:{self._credentials()}"}

    @staticmethod
    def _keys(one: Listed, strikes: tuple[float, ...]) -> list[str]:
        return [key for strike in strikes for kind in ("CE", "PE") if (key := one.keys.get((strike, kind)))]


def _near(quote: FullQuote | None, stamp_ns: int, limit_ns: int) -> float | None:
    """Give the level of an index whose stamp is close enough to the options'."""
    own_ns = stamp_of(quote, QUOTE)
    if quote is None or own_ns is None or abs(own_ns - stamp_ns) > limit_ns:
        return None
    return quote.last_price if quote.last_price and quote.last_price > 0.0 else None
