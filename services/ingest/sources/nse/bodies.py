"""The site's answers as Thetaflow reads them: the list of expiries, one expiry's chain, the indices, the holidays."""

from __future__ import annotations

from datetime import date

import msgspec

from services.ingest.formats import v3
from services.ingest.formats.dates import parse_day
from services.ingest.formats.lenient import decode_body
from shared.clock import parse_nse_stamp
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError, ParsedChain

_VIX = "INDIA VIX"
_HIGHEST_VIX = 200.0
_INDEX_OF = {"NIFTY": "NIFTY 50", "BANKNIFTY": "NIFTY BANK", "FINNIFTY": "NIFTY FIN SERVICE"}


class _ContractInfo(msgspec.Struct):
    expiryDates: list[str] | None = None  # noqa: N815 - the body's name


class _Index(msgspec.Struct):
    indexSymbol: str | None = None  # noqa: N815 - the body's name
    last: float | None = None
    previousClose: float | None = None  # noqa: N815 - the body's name


class _Indices(msgspec.Struct):
    timestamp: str | None = None
    data: list[_Index] | None = None


class _Holiday(msgspec.Struct):
    tradingDate: str  # noqa: N815 - the body's name
    description: str | None = None


class _Holidays(msgspec.Struct):
    FO: list[_Holiday] | None = None


_CONTRACT_INFO = msgspec.json.Decoder(_ContractInfo)
_INDICES = msgspec.json.Decoder(_Indices)
_HOLIDAYS = msgspec.json.Decoder(_Holidays)


def expiry_list(content: bytes, where: str) -> tuple[date, ...]:
    """Read contract-info's expiries, nearest first; EmptyInputError when it names none."""
    found = decode_body(content, _CONTRACT_INFO, _ContractInfo, where).expiryDates
    if not found:
        raise EmptyInputError("expiryDates", content[:40].decode(errors="replace"), where)
    return tuple(sorted(parse_day(text, where) for text in found))


def india_vix(content: bytes, where: str) -> tuple[float, int]:
    """Read India VIX from allIndices: a decimal and its stamp in ns UTC; BadInputError when it is not there."""
    body = decode_body(content, _INDICES, _Indices, where)
    last = next((row.last for row in body.data or () if row.indexSymbol == _VIX), None)
    if last is None or not 0.0 < last < _HIGHEST_VIX or body.timestamp is None:
        raise BadInputError(f"a stamp and a row {_VIX} with a level in per cent", (body.timestamp, last), where)
    return last / 100.0, parse_nse_stamp(body.timestamp)


def last_close(content: bytes, where: str, underlying: str) -> float | None:
    """Read from allIndices at which level the index closed on the trading day before, points; None where it is not there."""
    body = decode_body(content, _INDICES, _Indices, where)
    name = _INDEX_OF.get(underlying, underlying)
    level = next((row.previousClose for row in body.data or () if row.indexSymbol == name), None)
    return level if level is not None and level > 0.0 else None


def derivative_holidays(content: bytes, where: str) -> dict[date, str]:
    """Read the derivative segment's holidays and their names; EmptyInputError when there are none."""
    rows = decode_body(content, _HOLIDAYS, _Holidays, where).FO
    if not rows:
        raise EmptyInputError("holidays of the FO segment", content[:40].decode(errors="replace"), where)
    return {parse_day(row.tradingDate, where): row.description or "" for row in rows}


def chain_of_expiry(content: bytes, where: str, expiry: date) -> ParsedChain:
    """Read an option-chain-v3 body to a chain of the one expiry asked for.

    Raises what the format's reader raises, and BadInputError for a body of another expiry.
    """
    chain = v3.read(content, where=where)
    found = [one.expiry for one in chain.expiries]
    if found != [expiry.isoformat()]:
        raise BadInputError(f"the chain of {expiry:%d-%b-%Y} alone", found, where)
    return chain
