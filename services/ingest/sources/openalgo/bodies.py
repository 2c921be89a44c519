"""OpenAlgo's answers as Thetaflow reads them: expiries, an expiry's chain, quotes, depth, candles.

Source: https://github.com/marketcalls/openalgo/tree/main/docs/api (symbol-services/expiry.md, options-services/optionchain.md,
market-data/multiquotes.md, depth.md, history.md), published at https://docs.openalgo.in/api-documentation/v1/data-api.
Volume and OI of a derivative are counted in units there; a number the broker behind does not give is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

import msgspec

from services.ingest.formats.columns import check_strikes, leg_columns
from services.ingest.formats.dates import parse_day
from services.ingest.sources.api.book import BookLevel, Units, best_level
from services.ingest.sources.api.errors import ApiBodyError
from shared.clock import IST, NS_PER_SECOND, to_ns
from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns
from shared.market.chain import EmptyInputError

_MILLISECONDS_FROM = 10**11
"""A count of seconds this large lies in the year 5138: it is of milliseconds."""


class OptionDepth(msgspec.Struct):
    """Five levels a side, the best first."""

    bids: list[BookLevel] = []
    asks: list[BookLevel] = []


class OptionRow(msgspec.Struct):
    """One option of a chain; volume and OI in units."""

    symbol: str = ""
    ltp: float | None = None
    bid: float | None = None
    ask: float | None = None
    volume: Units = None
    oi: Units = None
    lotsize: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is all zeros: its quote could not be had."""
        return not any((self.ltp, self.bid, self.ask, self.volume, self.oi))


class StrikeRow(msgspec.Struct):
    """Call and put of one strike; None where there is no such contract or it could not be read."""

    strike: float
    ce: OptionRow | None = None
    pe: OptionRow | None = None


class IndexQuote(msgspec.Struct):
    """What we read of a quote."""

    ltp: float | None = None
    prev_close: float | None = None


class _RawStrike(msgspec.Struct):
    strike: float
    ce: msgspec.Raw = msgspec.Raw(b"null")
    pe: msgspec.Raw = msgspec.Raw(b"null")


class _Chain(msgspec.Struct):
    chain: list[msgspec.Raw]
    underlying_ltp: float | None = None


class _Expiries(msgspec.Struct):
    data: list[str]


class _QuoteResult(msgspec.Struct):
    symbol: str
    data: IndexQuote | None = None


class _Quotes(msgspec.Struct):
    results: list[_QuoteResult]


class _Depth(msgspec.Struct):
    data: OptionDepth


class _Candle(msgspec.Struct):
    timestamp: str | int | float


class _Candles(msgspec.Struct):
    data: list[_Candle]


_T = TypeVar("_T")


def _decoded(content: bytes, kind: type[_T], where: str) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiBodyError("an answer as documented", f"{error}: {content[:80]!r}", where) from error


def expiry_list(content: bytes, where: str) -> tuple[date, ...]:
    """Read expiries ("10-JUL-25"), nearest first; EmptyInputError when it names none."""
    names = _decoded(content, _Expiries, where).data
    if not names:
        raise EmptyInputError("expiries", "none", where)
    return tuple(sorted(parse_day(name, where) for name in names))


def strike_rows(content: bytes, where: str) -> tuple[tuple[StrikeRow, ...], float | None]:
    """Read an expiry's chain, ascending, and the level of the underlying; a bad option loses itself alone.

    Raises:
        ApiBodyError: the answer as a whole is none.
        EmptyInputError: it has no strike.
    """
    body = _decoded(content, _Chain, where)
    rows: dict[float, StrikeRow] = {}
    for raw in body.chain:
        try:
            one = msgspec.json.decode(raw, type=_RawStrike)
        except msgspec.DecodeError:
            continue
        rows[one.strike] = StrikeRow(strike=one.strike, ce=_option(one.ce), pe=_option(one.pe))
    if not rows:
        raise EmptyInputError("strikes", "none", where)
    check_strikes(sorted(rows), where)
    return tuple(rows[strike] for strike in sorted(rows)), body.underlying_ltp


def _option(raw: msgspec.Raw) -> OptionRow | None:
    try:
        found = msgspec.json.decode(raw, type=OptionRow | None)
    except msgspec.DecodeError:
        return None
    return None if found is None or found.is_empty else found


def index_quotes(content: bytes, where: str) -> dict[str, IndexQuote]:
    """Read quotes by symbol; one that failed is not among them."""
    return {one.symbol: one.data for one in _decoded(content, _Quotes, where).results if one.data is not None}


def option_depth(content: bytes, where: str) -> OptionDepth:
    """Read the book of one option."""
    return _decoded(content, _Depth, where).data


def newest_candle_ns(content: bytes, where: str) -> int:
    """Read when the newest candle began, ns UTC: text with a zone, or seconds or milliseconds since 1970.

    Raises:
        EmptyInputError: there is none.
        BadInputError: it has no such stamp.
    """
    candles = _decoded(content, _Candles, where).data
    if not candles:
        raise EmptyInputError("candles of the day", "none", where)
    return max(_moment(candle.timestamp, where) for candle in candles)


def _moment(stamp: str | float, where: str) -> int:
    if not isinstance(stamp, str):
        return int(stamp) * (NS_PER_SECOND // 1000 if stamp >= _MILLISECONDS_FROM else NS_PER_SECOND)
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise BadInputError("a moment like 2025-04-01 09:15:00+05:30", stamp, where) from error
    return to_ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=IST))


def chain_of_expiry(
    expiry: date, rows: Sequence[StrikeRow], depths: Mapping[str, OptionDepth], lot: int | None, spot: float | None
) -> ExpiryChain:
    """Make an expiry's chain; where the depth of an option is known, its quote is the depth's.

    An OI of 0 on every option says that the broker behind gives none.

    Args:
        expiry: of the chain.
        rows: ascending.
        depths: by symbol.
        lot: units per contract where a row does not say; without either its counts stay empty.
        spot: level of the underlying that came with the rows.
    """
    has_oi = any(side is not None and side.oi for row in rows for side in (row.ce, row.pe))
    call = _leg([row.ce for row in rows], depths, lot, has_oi=has_oi)
    put = _leg([row.pe for row in rows], depths, lot, has_oi=has_oi)
    return ExpiryChain(
        expiry=expiry.isoformat(), strikes=tuple(row.strike for row in rows), call=call, put=put, spot=spot
    )


def _leg(
    options: Sequence[OptionRow | None], depths: Mapping[str, OptionDepth], lot: int | None, *, has_oi: bool
) -> LegColumns:
    nothing = OptionRow()
    rows = [option or nothing for option in options]
    books = [depths.get(row.symbol) if row.symbol else None for row in rows]
    bids = [
        best_level(book.bids) if book is not None else BookLevel(row.bid) for row, book in zip(rows, books, strict=True)
    ]
    asks = [
        best_level(book.asks) if book is not None else BookLevel(row.ask) for row, book in zip(rows, books, strict=True)
    ]
    return leg_columns(
        len(rows),
        bid=[level.price for level in bids],
        ask=[level.price for level in asks],
        bid_qty=[level.quantity for level in bids],
        ask_qty=[level.quantity for level in asks],
        ltp=[row.ltp for row in rows],
        volume=[_contracts(row.volume, row.lotsize or lot) for row in rows],
        oi=[_contracts(row.oi, row.lotsize or lot) if has_oi else None for row in rows],
    )


def _contracts(units: Units, lot: int | None) -> float | None:
    return round(units / lot) if units is not None and lot else None
