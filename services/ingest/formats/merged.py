"""Parquet files that hold a capture's many moments: broker chains, tables and last prices of the v3 feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.ingest.formats import kite
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.long import LegRows, chain_of_legs
from services.ingest.formats.parquet_table import read_numbers
from services.ingest.formats.symbols import contract_of
from services.ingest.formats.terms import Terms
from services.ingest.formats.wide import chains
from services.ingest.formats.wide_table import ColumnLayout, WideTable
from shared.errors import BadInputError
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
    known = {symbol: contract_of(symbol, terms, str(path)).expiry for symbol in np.unique(symbols.astype(str))}

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
                legs(rows),
                underlying="NIFTY",
                stamp_ns=stamp,
                spot=None,
                source=source,
                where=f"{where} at {stamp}",
                left_out=LeftOut(),
            )
        except BadInputError as error:
            yield bad_capture_of(error, where, stamp)
