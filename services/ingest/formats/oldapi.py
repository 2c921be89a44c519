"""Bodies of the exchange's `option-chain-indices` call (to December 2025): all expiries in one answer."""

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
    rows = ((row.strikePrice, row.expiryDate, row.CE, row.PE) for row in records.data)
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
