"""Pipe-separated rows made from v3 bodies: a row per leg, no quotes, OI and volume in contracts."""

from __future__ import annotations

from services.ingest.formats.columns import parse_expiry
from services.ingest.formats.long import LegRows, chain_of_legs
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import columns_of, numbers_of, pick, require_numbers
from shared.market.chain import ParsedChain

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


def read(source: Source, *, stamp_ns: int, where: str = "", underlying: str = "NIFTY") -> ParsedChain:
    """Read one file; its time comes from the caller (the file name), as the file has none.

    Placeholder rows of the feed (strike 0 and every figure 0) name no contract and are passed over.
    EmptyInputError for a file with only a header, BadInputError for cells that do not fit.
    """
    text, name = source_text(source, where)
    columns = columns_of(text, name, _REQUIRED, delimiter="|")

    zeros = ("strikePrice", "openInterest", "lastPrice", "totalTradedVolume")
    rows = range(len(columns["strikePrice"]))
    columns = pick(columns, [row for row in rows if any(columns[theirs][row].strip() != "0" for theirs in zeros)])

    def column(theirs: str) -> list[float | None]:
        return numbers_of(columns, theirs, name)

    legs = LegRows(
        expiries=[parse_expiry(cell, name).isoformat() for cell in columns["expiryDate"]],
        strikes=require_numbers(column("strikePrice"), "strike", name),
        kinds=columns["optionType"],
        columns={
            "oi": column("openInterest"),
            "oi_change": column("changeinOpenInterest"),
            "ltp": column("lastPrice"),
            "iv": column("impliedVolatility"),
            "volume": column("totalTradedVolume"),
        },
    )
    spot = next((value for value in column("underlyingValue") if value), None)
    return chain_of_legs(legs, underlying=underlying, stamp_ns=stamp_ns, spot=spot, source=FORMAT, where=name)
