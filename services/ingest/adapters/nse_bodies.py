"""The site's answers as Thetaflow reads them: the list of expiries, one expiry's chain, the indices, the holidays."""

from __future__ import annotations

from datetime import date

import msgspec

from services.ingest.parsed import EmptyInputError, ParsedChain
from services.ingest.readers.columns import parse_expiry, spot_or_none
from services.ingest.readers.lenient import decode_body
from services.ingest.readers.nse_legs import check_prices, expiry_chain
from shared.clock import parse_nse_stamp
from shared.errors import BadInputError

FORMAT = "nse-v3-json"
_VIX = "INDIA VIX"
_HIGHEST_VIX = 200.0


class _ContractInfo(msgspec.Struct):
    expiryDates: list[str] | None = None  # noqa: N815 - the body's name


class _Index(msgspec.Struct):
    indexSymbol: str | None = None  # noqa: N815 - the body's name
    last: float | None = None


class _Indices(msgspec.Struct):
    timestamp: str | None = None
    data: list[_Index] | None = None


class _Holiday(msgspec.Struct):
    tradingDate: str  # noqa: N815 - the body's name
    description: str | None = None


class _Holidays(msgspec.Struct):
    FO: list[_Holiday] | None = None


class _Leg(msgspec.Struct, gc=False):
    underlying: str | None = None
    oi: int | float | None = msgspec.field(default=None, name="openInterest")
    oi_change: int | float | None = msgspec.field(default=None, name="changeinOpenInterest")
    volume: int | float | None = msgspec.field(default=None, name="totalTradedVolume")
    iv: float | None = msgspec.field(default=None, name="impliedVolatility")
    ltp: float | None = msgspec.field(default=None, name="lastPrice")
    bid: float | None = msgspec.field(default=None, name="buyPrice1")
    bid_qty: int | float | None = msgspec.field(default=None, name="buyQuantity1")
    ask: float | None = msgspec.field(default=None, name="sellPrice1")
    ask_qty: int | float | None = msgspec.field(default=None, name="sellQuantity1")


class _Row(msgspec.Struct, gc=False):
    strikePrice: float  # noqa: N815 - the body's name
    expiryDates: str | None = None  # noqa: N815 - the body's name; one date despite the plural
    CE: _Leg | None = None
    PE: _Leg | None = None


class _Records(msgspec.Struct):
    timestamp: str | None = None
    underlyingValue: float | None = None  # noqa: N815 - the body's name
    data: list[_Row] = msgspec.field(default_factory=list)
    expiryDates: list[str] = msgspec.field(default_factory=list)  # noqa: N815 - the body's name


class _Chain(msgspec.Struct):
    records: _Records | None = None


_CONTRACT_INFO = msgspec.json.Decoder(_ContractInfo)
_INDICES = msgspec.json.Decoder(_Indices)
_HOLIDAYS = msgspec.json.Decoder(_Holidays)
_CHAIN = msgspec.json.Decoder(_Chain)
_NO_LEG = _Leg()


def expiry_list(content: bytes, where: str) -> tuple[date, ...]:
    """Read contract-info's expiries, nearest first; EmptyInputError when it names none."""
    found = decode_body(content, _CONTRACT_INFO, _ContractInfo, where).expiryDates
    if not found:
        raise EmptyInputError("expiryDates", content[:40].decode(errors="replace"), where)
    return tuple(sorted(parse_expiry(text, where) for text in found))


def india_vix(content: bytes, where: str) -> tuple[float, int]:
    """Read India VIX from allIndices: a decimal and its stamp in ns UTC; BadInputError when it is not there."""
    body = decode_body(content, _INDICES, _Indices, where)
    last = next((row.last for row in body.data or () if row.indexSymbol == _VIX), None)
    if last is None or not 0.0 < last < _HIGHEST_VIX or body.timestamp is None:
        raise BadInputError(f"a stamp and a row {_VIX} with a level in per cent", (body.timestamp, last), where)
    return last / 100.0, parse_nse_stamp(body.timestamp)


def derivative_holidays(content: bytes, where: str) -> dict[date, str]:
    """Read the derivative segment's holidays and their names; EmptyInputError when there are none."""
    rows = decode_body(content, _HOLIDAYS, _Holidays, where).FO
    if not rows:
        raise EmptyInputError("holidays of the FO segment", content[:40].decode(errors="replace"), where)
    return {parse_expiry(row.tradingDate, where): row.description or "" for row in rows}


def chain_of_expiry(content: bytes, where: str, expiry: date) -> ParsedChain:
    """Read an option-chain-v3 body to a chain of the one expiry asked for.

    OI and volume are contracts, quantities units, prices points. EmptyInputError for `{}` and a body without rows,
    NoQuotesError when no contract has a price, BadInputError for a body of another expiry and everything else.
    """
    records = decode_body(content, _CHAIN, _Chain, where).records
    if records is None or not records.data or not records.timestamp:
        got = "no records" if records is None else f"{len(records.data)} rows, stamp {records.timestamp!r}"
        raise EmptyInputError("rows and a timestamp", got, where)
    rows = [
        (row.strikePrice, row.CE or _NO_LEG, row.PE or _NO_LEG)
        for row in records.data
        if row.expiryDates and parse_expiry(row.expiryDates, where) == expiry
    ]
    if len(rows) != len(records.data):
        others = sorted({row.expiryDates or "none" for row in records.data})
        raise BadInputError(f"rows of {expiry:%d-%b-%Y} alone", others, where)
    spot = spot_or_none(records.underlyingValue)
    expiries = (expiry_chain(expiry.isoformat(), rows, spot, where),)
    check_prices(expiries, where)
    return ParsedChain(
        underlying=next((leg.underlying for _, call, put in rows for leg in (call, put) if leg.underlying), ""),
        stamp_ns=parse_nse_stamp(records.timestamp),
        received_ns=None,
        spot=spot,
        vix=None,
        expiries=expiries,
        source=FORMAT,
    )
