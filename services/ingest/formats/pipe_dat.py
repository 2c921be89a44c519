"""Pipe-separated rows made from v3 bodies: a row per leg, no quotes, OI and volume in contracts."""

from __future__ import annotations

from services.ingest.formats.dates import parse_day
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.long import LegRows, chain_of_legs
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import CellTable, kind_of, strike_of
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "nse-pipe-dat"

_REQUIRED = (
    "expiryDate",
    "strikePrice",
    "optionType",
    "openInterest",
    "changeinOpenInterest",
    "lastPrice",
    "impliedVolatility",
    "totalTradedVolume",
    "underlyingValue",
)
_ZEROS = ("strikePrice", "openInterest", "lastPrice", "totalTradedVolume")


def read(source: Source, *, stamp_ns: int, where: str = "", underlying: str = "NIFTY") -> ParsedChain:
    """Read one file; its time comes from the caller (the file name), as the file has none.

    Placeholder rows of the feed (strike 0 and every figure 0) name no contract and are passed over.
    EmptyInputError for a file with only a header, BadInputError when not one row can be read.
    """
    text, name = source_text(source, where)
    left_out = LeftOut()
    table = CellTable.read(text, name, _REQUIRED, left_out)
    rows = range(len(table))
    table = table.pick([row for row in rows if any(table.columns[theirs][row].strip() != "0" for theirs in _ZEROS)])
    if not len(table):
        raise EmptyInputError("rows of contracts", "placeholders alone", name)
    table, keys = table.keyed({"expiryDate": parse_day, "strikePrice": strike_of, "optionType": kind_of})
    legs = LegRows(
        expiries=[expiry.isoformat() for expiry in keys["expiryDate"]],
        strikes=keys["strikePrice"],
        kinds=keys["optionType"],
        columns={
            "oi": table.numbers("openInterest"),
            "oi_change": table.numbers("changeinOpenInterest"),
            "ltp": table.numbers("lastPrice"),
            "iv": table.numbers("impliedVolatility"),
            "volume": table.numbers("totalTradedVolume"),
        },
    )
    spot = next((value for value in table.numbers("underlyingValue") if value), None)
    return chain_of_legs(
        legs, underlying=underlying, stamp_ns=stamp_ns, spot=spot, source=FORMAT, where=name, left_out=left_out
    )
