"""Rows scraped from the exchange's chain page of 2018-19: nearest expiry, OI in shares, volume in contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from services.ingest.formats.parquet_table import read_numbers
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import columns_of, numbers_of, require_numbers
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import ColumnLayout, WideTable, chains, single, table_of_moment
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

    BadInputError for missing columns or cells that are no numbers, NoQuotesError when no contract has a price.
    """
    text, name = source_text(source, where)
    columns = columns_of(text, name, COLUMNS)
    numbers = {column: numbers_of(columns, column, name) for column in COLUMNS}
    spot = next((value for value in numbers["CurrentVal"] if value), None)
    table = table_of_moment(
        stamp_ns,
        np.zeros(len(columns["StrikePrice"]), dtype=np.int64),
        require_numbers(numbers["StrikePrice"], "strike", name),
        spot,
        numbers,
    )
    return single(table, LAYOUT, terms, name)


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
