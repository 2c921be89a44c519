"""Bodies of the exchange's `option-chain-v3` call (from December 2025): one expiry in one answer."""

from __future__ import annotations

import msgspec

from services.ingest.formats.columns import Count, parse_expiry, spot_or_none
from services.ingest.formats.lenient import decode_body
from services.ingest.formats.nse_legs import check_prices, expiry_chain
from services.ingest.formats.source_bytes import Source, source_bytes
from shared.clock import parse_nse_stamp
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "nse-v3-json"


class _Leg(msgspec.Struct, gc=False):
    bid: float | None = msgspec.field(default=None, name="buyPrice1")
    bid_qty: Count | float | None = msgspec.field(default=None, name="buyQuantity1")
    oi_change: Count | float | None = msgspec.field(default=None, name="changeinOpenInterest")
    iv: float | None = msgspec.field(default=None, name="impliedVolatility")
    ltp: float | None = msgspec.field(default=None, name="lastPrice")
    oi: Count | float | None = msgspec.field(default=None, name="openInterest")
    ask: float | None = msgspec.field(default=None, name="sellPrice1")
    ask_qty: Count | float | None = msgspec.field(default=None, name="sellQuantity1")
    volume: Count | float | None = msgspec.field(default=None, name="totalTradedVolume")
    underlying: str | None = None
    # One document of 2026 says the old names live on: they are taken where the new ones are missing.
    old_bid: float | None = msgspec.field(default=None, name="bidprice")
    old_ask: float | None = msgspec.field(default=None, name="askPrice")
    old_bid_qty: Count | float | None = msgspec.field(default=None, name="bidQty")
    old_ask_qty: Count | float | None = msgspec.field(default=None, name="askQty")


class _Row(msgspec.Struct, gc=False):
    strikePrice: float  # noqa: N815 - the body's name
    expiryDates: str | None = None  # noqa: N815 - the body's name, a string despite the plural
    CE: _Leg | None = None
    PE: _Leg | None = None


class _Records(msgspec.Struct):
    timestamp: str | None = None
    underlyingValue: float | None = None  # noqa: N815 - the body's name
    data: list[_Row] = msgspec.field(default_factory=list)


class V3Body(msgspec.Struct):
    """The part of a body that is read; some captures wrap it in `data`."""

    records: _Records | None = None
    data: _Wrapped | None = None


class _Wrapped(msgspec.Struct):
    records: _Records | None = None


_DECODER = msgspec.json.Decoder(V3Body)
_NO_LEG = _Leg()


def read(
    source: Source, *, where: str = "", received_ns: int | None = None, expected_day: str | None = None
) -> ParsedChain:
    """Read one body, gzipped or plain, bare or wrapped as {"time", "data"}, to a chain of its expiry.

    OI and volume are contracts here, quantities units. EmptyInputError for `{}`, `[]` and a body without rows,
    NoQuotesError when no contract has a price, BadInputError for everything else that is not such a body.
    """
    content, name = source_bytes(source, where)
    if content[:16].strip() in {b"{}", b"[]"}:
        raise EmptyInputError("records of a chain", content[:16].decode(), name)
    body = decode_body(content, _DECODER, V3Body, name)
    records = body.records or (body.data.records if body.data is not None else None)
    if records is None or not records.data or not records.timestamp:
        got = "no records" if records is None else f"{len(records.data)} rows, stamp {records.timestamp!r}"
        raise EmptyInputError("rows and a timestamp", got, name)
    spot = spot_or_none(records.underlyingValue)
    by_expiry: dict[str, list[tuple[float, _Leg, _Leg]]] = {}
    for row in records.data:
        by_expiry.setdefault(row.expiryDates or "", []).append((row.strikePrice, _leg(row.CE), _leg(row.PE)))
    expiries = [
        expiry_chain(parse_expiry(expiry, name).isoformat(), rows, spot, name) for expiry, rows in by_expiry.items()
    ]
    expiries.sort(key=lambda chain: chain.expiry)
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


def _leg(leg: _Leg | None) -> _Leg:
    if leg is None:
        return _NO_LEG
    if leg.bid is None and leg.old_bid is not None:
        leg.bid, leg.bid_qty = leg.old_bid, leg.old_bid_qty
    if leg.ask is None and leg.old_ask is not None:
        leg.ask, leg.ask_qty = leg.old_ask, leg.old_ask_qty
    return leg


def _underlying(rows: list[_Row]) -> str:
    for row in rows:
        for leg in (row.CE, row.PE):
            if leg is not None and leg.underlying:
                return leg.underlying
    return ""
