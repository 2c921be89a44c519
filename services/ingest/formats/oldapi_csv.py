"""Bodies of the old exchange call flattened to CSV by a scraper: quotes and OI, no volume, no exchange stamp."""

from __future__ import annotations

import numpy as np

from services.ingest.formats.columns import parse_expiry
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import columns_of, numbers_of, only_value, require_numbers
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import ColumnLayout, single, table_of_moment
from shared.market.chain import NoQuotesError, ParsedChain

FORMAT = "nse-oldapi-csv"


def _side(prefix: str) -> dict[str, str]:
    return {
        "bid": f"{prefix}_BID",
        "ask": f"{prefix}_ASK",
        "bid_qty": f"{prefix}_BIDQTY",
        "ask_qty": f"{prefix}_ASKQTY",
        "ltp": f"{prefix}_LTP",
        "oi": f"{prefix}_OI",
        "oi_change": f"{prefix}_CHGOI",
        "iv": f"{prefix}_IV",
    }


LAYOUT = ColumnLayout(FORMAT, _side("CE"), _side("PE"))
COLUMNS = ("symbol", "expiryDate", "strikePrice", "underlying", *LAYOUT.call.values(), *LAYOUT.put.values())


def read(source: Source, terms: Terms, *, stamp_ns: int, where: str = "") -> ParsedChain:
    """Read one file; its time comes from the caller (the file name), the exchange's own stamp is lost.

    NoQuotesError when every value is NA, BadInputError for anything that does not fit.
    """
    text, name = source_text(source, where)
    columns = columns_of(text, name, COLUMNS)
    numbers = {column: numbers_of(columns, column, name) for column in COLUMNS[3:]}
    if all(value is None for column in numbers.values() for value in column):
        raise NoQuotesError("numbers", "NA in every cell", name)
    table = table_of_moment(
        stamp_ns,
        np.array([parse_expiry(cell, name).toordinal() for cell in columns["expiryDate"]], dtype=np.int64),
        require_numbers(numbers_of(columns, "strikePrice", name), "strike", name),
        next((value for value in numbers["underlying"] if value), None),
        numbers,
        underlying=only_value(columns["symbol"], "symbol", name),
    )
    return single(table, LAYOUT, terms, name)
