"""Bodies of the exchange's `option-chain-v3` call (from December 2025): one expiry in one answer."""

from __future__ import annotations

import msgspec

from services.ingest.formats import exchange_body
from services.ingest.formats.assemble import assemble
from services.ingest.formats.columns import Count, spot_or_none
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.nse_legs import commonest_underlying, expiry_chains
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
    expiryDate: str | None = None  # noqa: N815 - the old body's name
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

    OI and volume are contracts here, quantities units. A part that is not sound is left out and counted; the rest
    is the chain. EmptyInputError for `{}`, `[]`, null and a body without rows, NoQuotesError when no contract has a
    price, BadInputError for what has no part of such a body.
    """
    content, name = source_bytes(source, where)
    left_out = LeftOut()
    records = exchange_body.decode(content, _DECODER, _Records, name, left_out)
    if not records.data or not records.timestamp:
        raise EmptyInputError("rows and a timestamp", f"{len(records.data)} rows, stamp {records.timestamp!r}", name)
    spot = spot_or_none(records.underlyingValue)
    rows = (
        (row.strikePrice, row.expiryDates or row.expiryDate or "", _leg(row.CE), _leg(row.PE)) for row in records.data
    )
    return assemble(
        expiry_chains(rows, _NO_LEG, spot, name, left_out),
        left_out,
        underlying=commonest_underlying(leg for row in records.data for leg in (row.CE, row.PE)),
        stamp_ns=parse_nse_stamp(records.timestamp),
        received_ns=received_ns,
        spot=spot,
        source=FORMAT,
        where=name,
        expected_day=expected_day,
    )


def _leg(leg: _Leg | None) -> _Leg | None:
    if leg is None:
        return None
    if leg.bid is None and leg.old_bid is not None:
        leg.bid, leg.bid_qty = leg.old_bid, leg.old_bid_qty
    if leg.ask is None and leg.old_ask is not None:
        leg.ask, leg.ask_qty = leg.old_ask, leg.old_ask_qty
    return leg
