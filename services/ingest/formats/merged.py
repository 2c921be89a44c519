"""Parquet files that hold a capture's many moments: broker chains, tables and last prices of the v3 feed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.ingest.formats import kite
from services.ingest.formats.long import LegRows, chain_of_legs
from services.ingest.formats.parquet_table import read_numbers
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import ColumnLayout, WideTable, chains
from shared.errors import BadInputError, TableError
from shared.market.chain import Parsed, bad_capture_of

TABLE_FORMAT = "nse-v3-table-parquet"
LTP_FORMAT = "nse-v3-ltp-parquet"
KITE_FORMAT = "kite-chain-parquet"
KITE_LTP_FORMAT = "kite-ltp-parquet"

_TABLE_LAYOUT = ColumnLayout(
    TABLE_FORMAT,
    call={"ltp": "ce_ltp", "oi": "ce_oi", "volume": "ce_vol", "iv": "ce_iv"},
    put={"ltp": "pe_ltp", "oi": "pe_oi", "volume": "pe_vol", "iv": "pe_iv"},
)
_KITE_LAYOUT = ColumnLayout(KITE_FORMAT, kite.LAYOUT.call, kite.LAYOUT.put, oi_in_shares=True, volume_in_shares=True)
_KITE_SYMBOL = re.compile(
    r"^(?:NFO:)?(?P<name>[A-Z]+?)(?P<year>\d\d)(?:(?P<month>[A-Z]{3})|(?P<day>[1-9OND]\d\d))(?P<strike>\d+(?:\.\d+)?)(?:CE|PE)$"
)
_LETTER_MONTHS = {"O": 10, "N": 11, "D": 12}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CENTURY = 2000


def read_v3_table(path: Path, terms: Terms) -> Iterator[Parsed]:
    """Read moments with spot, OI, volume, IV and last prices of both sides; counts are contracts."""
    return _wide(path, terms, _TABLE_LAYOUT, spot="spot")


def read_kite(path: Path, terms: Terms) -> Iterator[Parsed]:
    """Read a broker's merged chains; counts are shares."""
    return _wide(path, terms, _KITE_LAYOUT, spot="spot")


def _wide(path: Path, terms: Terms, layout: ColumnLayout, *, spot: str) -> Iterator[Parsed]:
    columns = (*layout.call.values(), *layout.put.values(), "strike", spot)
    table = read_numbers(path, columns, times=("ts",), days=("expiry",))
    wide = WideTable(
        stamps=table.times["ts"],
        expiries=table.days["expiry"],
        strikes=table.numbers["strike"],
        spot=table.numbers[spot],
        numbers=table.numbers,
    )
    return chains(wide, layout, terms, str(path))


def read_v3_last_prices(path: Path) -> Iterator[Parsed]:
    """Read moments of last prices alone, a row per leg."""
    table = read_numbers(path, ("strike", "ltp"), times=("ts",), days=("expiry",), labels=("type",))
    days = table.days["expiry"]
    names = {int(day): date.fromordinal(int(day)).isoformat() for day in np.unique(days)}
    expiries = np.array([names[int(day)] for day in days], dtype=np.object_)

    def legs(rows: NDArray[np.intp]) -> LegRows:
        return LegRows(
            expiries=expiries[rows].tolist(),
            strikes=table.numbers["strike"][rows].tolist(),
            kinds=table.labels["type"][rows].tolist(),
            columns={"ltp": table.numbers["ltp"][rows].tolist()},
        )

    return _moments(table.times["ts"], legs, LTP_FORMAT, str(path))


def read_kite_last_prices(path: Path, terms: Terms) -> Iterator[Parsed]:
    """Read moments of a broker's last prices, contracts told by their trading symbols."""
    table = read_numbers(path, ("strike", "ltp"), times=("commit_ts",), labels=("symbol", "type"))
    symbols = table.labels["symbol"]
    known = {
        symbol: expiry_of_symbol(symbol, terms, str(path)).isoformat() for symbol in np.unique(symbols.astype(str))
    }

    def legs(rows: NDArray[np.intp]) -> LegRows:
        return LegRows(
            expiries=[known[symbol] for symbol in symbols[rows]],
            strikes=table.numbers["strike"][rows].tolist(),
            kinds=table.labels["type"][rows].tolist(),
            columns={"ltp": table.numbers["ltp"][rows].tolist()},
        )

    return _moments(table.times["commit_ts"], legs, KITE_LTP_FORMAT, str(path))


def _moments(
    stamps: NDArray[np.int64], legs: Callable[[NDArray[np.intp]], LegRows], source: str, where: str
) -> Iterator[Parsed]:
    order = np.argsort(stamps, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(stamps[order])) + 1):
        stamp = int(stamps[rows[0]])
        try:
            yield chain_of_legs(
                legs(rows), underlying="NIFTY", stamp_ns=stamp, spot=None, source=source, where=f"{where} at {stamp}"
            )
        except BadInputError as error:
            yield bad_capture_of(error, where, stamp)


def expiry_of_symbol(symbol: str, terms: Terms, where: str) -> date:
    """Give the expiry a broker's symbol names: NIFTY2391420000CE weekly, NIFTY23SEP20000CE monthly.

    BadInputError for any other spelling or an impossible date.
    """
    found = _KITE_SYMBOL.match(symbol)
    if found is None:
        raise BadInputError("a symbol like NIFTY2391420000CE", symbol, where)
    year = _CENTURY + int(found["year"])
    try:
        if found["day"]:
            code = found["day"]
            return date(year, _LETTER_MONTHS.get(code[0]) or int(code[0]), int(code[1:]))
        month = _MONTHS.index(found["month"]) + 1
        first = date(year, month, 1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return terms.contracts.expiries(found["name"], first, last, terms.calendar)[-1]
    except (ValueError, IndexError, TableError) as error:
        raise BadInputError("a symbol of an existing expiry", symbol, where) from error
