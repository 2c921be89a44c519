"""Chains a broker's feed pushes as CSV (Kite): last prices, OI and volume in shares, no quotes."""

from __future__ import annotations

import numpy as np

from services.ingest.formats.columns import parse_expiry, spot_or_none
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import columns_of, numbers_of, only_value, pick, require_numbers
from services.ingest.formats.terms import Terms, ist_moment
from services.ingest.formats.wide import ColumnLayout, single, table_of_moment
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "kite-csv"
SYMBOL_COLUMNS = ("Symbol", "Stock")

LAYOUT = ColumnLayout(
    FORMAT,
    call={"ltp": "CE_LTP", "oi": "CE_OI", "volume": "CE_Volume"},
    put={"ltp": "PE_LTP", "oi": "PE_OI", "volume": "PE_Volume"},
    oi_in_shares=True,
    volume_in_shares=True,
)
_REQUIRED = ("Expiry", "Strike", "timestamp", *LAYOUT.call.values(), *LAYOUT.put.values())
_ISO_DASH = 4


def read(
    source: Source, terms: Terms, *, where: str = "", underlying: str = "NIFTY", received_ns: int | None = None
) -> ParsedChain:
    """Read one push to the chain of one underlying; rows of other underlyings are other books' business.

    EmptyInputError when it has no row of the underlying, BadInputError for any other fault.
    """
    text, name = source_text(source, where)
    columns = columns_of(text, name, _REQUIRED)
    symbols = next((columns[column] for column in SYMBOL_COLUMNS if column in columns), None)
    if symbols is None:
        raise BadInputError(f"one of the columns {SYMBOL_COLUMNS}", sorted(columns), name)
    rows = [row for row, symbol in enumerate(symbols) if symbol == underlying]
    if not rows:
        raise EmptyInputError(f"rows of {underlying}", sorted(set(symbols))[:5], name)
    columns = pick(columns, rows)
    stamp = _moment(only_value(columns["timestamp"], "timestamp", name), name)
    spots = (
        numbers_of(columns, "Spot", name)
        if "Spot" in columns
        else numbers_of(columns, "Stock_LTP", name)
        if "Stock_LTP" in columns
        else [None]
    )
    numbers = {
        theirs: numbers_of(columns, theirs, name) for side in (LAYOUT.call, LAYOUT.put) for theirs in side.values()
    }
    table = table_of_moment(
        stamp,
        np.array([parse_expiry(text, name).toordinal() for text in columns["Expiry"]], dtype=np.int64),
        require_numbers(numbers_of(columns, "Strike", name), "strike", name),
        spot_or_none(spots[0]),
        numbers,
        underlying=underlying,
        received_ns=received_ns,
    )
    return single(table, LAYOUT, terms, name)


def _moment(text: str, where: str) -> int:
    pattern = "%Y-%m-%d %H:%M:%S" if text[_ISO_DASH : _ISO_DASH + 1] == "-" else "%d-%m-%Y %H:%M"
    return ist_moment(text, pattern if text.count(":") > 1 or pattern.startswith("%d") else "%Y-%m-%d %H:%M", where)
