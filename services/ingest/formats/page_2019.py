"""Rows scraped from the exchange's chain page of 2018-19: nearest expiry, OI in shares, volume in contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.parquet_table import read_numbers
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import CellTable, strike_of
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import chains, single, table_of_moment
from services.ingest.formats.wide_table import ColumnLayout, WideTable
from shared.market.chain import Parsed, ParsedChain

FORMAT = "nse-page-2019"


def _side(prefix: str) -> dict[str, str]:
    return {
        "bid": f"{prefix}BidPrice",
        "ask": f"{prefix}AskPrice",
        "bid_qty": f"{prefix}BidQty",
        "ask_qty": f"{prefix}AskQty",
        "ltp": f"{prefix}LTP",
        "volume": f"{prefix}Volume",
        "oi": f"{prefix}OI",
        "oi_change": f"{prefix}ChnginOI",
        "iv": f"{prefix}IV",
    }


LAYOUT = ColumnLayout(FORMAT, _side("Call"), _side("Put"), oi_in_shares=True)
COLUMNS = (*LAYOUT.call.values(), *LAYOUT.put.values(), "StrikePrice", "CurrentVal")


def read(source: Source, terms: Terms, *, stamp_ns: int, where: str = "") -> ParsedChain:
    """Read one page's CSV; its time comes from the caller (the file name).

    BadInputError for missing columns or not one row that can be read, NoQuotesError when no contract has a price.
    """
    text, name = source_text(source, where)
    left_out = LeftOut()
    table, keys = CellTable.read(text, name, COLUMNS, left_out).keyed({"StrikePrice": strike_of})
    numbers = {column: table.numbers(column) for column in COLUMNS}
    wide = table_of_moment(
        stamp_ns,
        np.zeros(len(table), dtype=np.int64),
        keys["StrikePrice"],
        next((value for value in numbers["CurrentVal"] if value), None),
        numbers,
    )
    return single(wide, LAYOUT, terms, name, left_out)


def read_merged(path: Path, terms: Terms) -> Iterator[Parsed]:
    """Read the pages of many moments from one Parquet file with a `ts` column, in the order of time."""
    table = read_numbers(path, COLUMNS, times=("ts",))
    stamps = table.times["ts"]
    wide = WideTable(
        stamps=stamps,
        expiries=np.zeros(stamps.size, dtype=np.int64),
        strikes=table.numbers["StrikePrice"],
        spot=table.numbers["CurrentVal"],
        numbers=table.numbers,
    )
    return chains(wide, LAYOUT, terms, str(path))
