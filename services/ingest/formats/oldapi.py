"""Bodies of the exchange's `option-chain-indices` call (to December 2025): all expiries in one answer."""

from __future__ import annotations

import msgspec

from services.ingest.formats.columns import Count, parse_expiry, spot_or_none
from services.ingest.formats.lenient import decode_body
from services.ingest.formats.nse_legs import check_prices, expiry_chain
from services.ingest.formats.source_bytes import Source, source_bytes
from shared.clock import parse_nse_stamp
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "nse-oldapi-json"


class _Leg(msgspec.Struct, gc=False):
    # In the order of the body, which the decoder follows fastest.
    underlying: str | None = None
    oi: Count | float | None = msgspec.field(default=None, name="openInterest")
    oi_change: Count | float | None = msgspec.field(default=None, name="changeinOpenInterest")
    volume: Count | float | None = msgspec.field(default=None, name="totalTradedVolume")
    iv: float | None = msgspec.field(default=None, name="impliedVolatility")
    ltp: float | None = msgspec.field(default=None, name="lastPrice")
    bid_qty: Count | float | None = msgspec.field(default=None, name="bidQty")
    bid: float | None = msgspec.field(default=None, name="bidprice")
    ask_qty: Count | float | None = msgspec.field(default=None, name="askQty")
    ask: float | None = msgspec.field(default=None, name="askPrice")


class _Row(msgspec.Struct, gc=False):
    strikePrice: float  # noqa: N815 - the body's name
    expiryDate: str  # noqa: N815 - the body's name
    PE: _Leg | None = None
    CE: _Leg | None = None


class _Records(msgspec.Struct):
    timestamp: str | None = None
    underlyingValue: float | None = None  # noqa: N815 - the body's name
    data: list[_Row] = msgspec.field(default_factory=list)


class OldApiBody(msgspec.Struct):
    """The part of a body that is read."""

    records: _Records | None = None


_DECODER = msgspec.json.Decoder(OldApiBody)
_NO_LEG = _Leg()


def read(
    source: Source, *, where: str = "", received_ns: int | None = None, expected_day: str | None = None
) -> ParsedChain:
    """Read one body, gzipped or plain, to a chain of all its expiries.

    OI and volume are contracts here, quantities units. EmptyInputError for `{}`, `[]` and a body without rows,
    NoQuotesError when no contract has a price, BadInputError for everything else that is not such a body.
    """
    content, name = source_bytes(source, where)
    if content[:16].strip() in {b"{}", b"[]"}:
        raise EmptyInputError("records of a chain", content[:16].decode(), name)
    records = decode_body(content, _DECODER, OldApiBody, name).records
    if records is None or not records.data or not records.timestamp:
        got = "no records" if records is None else f"{len(records.data)} rows, stamp {records.timestamp!r}"
        raise EmptyInputError("rows and a timestamp", got, name)
    spot = spot_or_none(records.underlyingValue)
    by_expiry: dict[str, list[_Row]] = {}
    for row in records.data:
        by_expiry.setdefault(row.expiryDate, []).append(row)
    expiries = sorted(
        (
            expiry_chain(
                parse_expiry(expiry, name).isoformat(),
                [(row.strikePrice, row.CE or _NO_LEG, row.PE or _NO_LEG) for row in rows],
                spot,
                name,
            )
            for expiry, rows in by_expiry.items()
        ),
        key=lambda chain: chain.expiry,
    )
    check_prices(expiries, name)
    return ParsedChain(
        underlying=_underlying(records.data),
        stamp_ns=parse_nse_stamp(records.timestamp),
        received_ns=received_ns,
        spot=spot,
        vix=None,
        expiries=tuple(expiries),
        source=FORMAT,
        expected_day=expected_day,
    )


def _underlying(rows: list[_Row]) -> str:
    for row in rows:
        for leg in (row.CE, row.PE):
            if leg is not None and leg.underlying:
                return leg.underlying
    return ""
