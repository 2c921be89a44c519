"""Bodies of the old exchange call flattened to CSV by a scraper: quotes and OI, no volume, no exchange stamp."""

from __future__ import annotations

import numpy as np

from services.ingest.formats.dates import parse_day
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import CellTable, strike_of
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import single, table_of_moment
from services.ingest.formats.wide_table import ColumnLayout
from shared.market.chain import NoQuotesError, ParsedChain

FORMAT = "nse-oldapi-csv"

_NOT_ANSWERED = frozenset({"", "NA"})


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
    left_out = LeftOut()
    table = CellTable.read(text, name, COLUMNS, left_out)
    if all(cell.strip() in _NOT_ANSWERED for column in COLUMNS[3:] for cell in table.columns[column]):
        raise NoQuotesError("numbers", "NA in every cell", name)
    table, symbol = table.commonest("symbol")
    table, keys = table.keyed({"expiryDate": parse_day, "strikePrice": strike_of})
    numbers = {column: table.numbers(column) for column in COLUMNS[3:]}
    wide = table_of_moment(
        stamp_ns,
        np.array([expiry.toordinal() for expiry in keys["expiryDate"]], dtype=np.int64),
        keys["strikePrice"],
        next((value for value in numbers["underlying"] if value), None),
        numbers,
        underlying=symbol,
    )
    return single(wide, LAYOUT, terms, name, left_out)
