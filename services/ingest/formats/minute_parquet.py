"""Parquet files of one poll of the whole chain: a row per strike and expiry, calls and puts side by side."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from services.ingest.formats.columns import LARGEST_COUNT, check_strikes, leg_columns, parse_expiry
from services.ingest.formats.nse_legs import check_prices
from services.ingest.formats.source_bytes import Source, source_bytes
from shared.clock import IST, parse_nse_stamp, to_ns
from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns
from shared.market.chain import EmptyInputError, ParsedChain

FORMAT = "nse-minute-parquet"

SIDE_FIELDS = ("OI", "Chng_in_OI", "Volume", "IV", "LTP", "Bid_Qty", "Bid_Price", "Ask_Price", "Ask_Qty")
_KEYS = ("Fetch_Time", "Symbol", "Expiry_Date", "Strike_Price", "collection_timestamp")
_COLUMNS = [*_KEYS, *(f"{side}_{field}" for side in ("CALLS", "PUTS") for field in SIDE_FIELDS)]

_COUNTS = [
    f"{side}_{field}" for side in ("CALLS", "PUTS") for field in ("OI", "Chng_in_OI", "Volume", "Bid_Qty", "Ask_Qty")
]

_Raw = dict[str, NDArray[np.float64] | NDArray[np.int64]]


def read(source: Source, *, where: str = "", expected_day: str | None = None) -> ParsedChain:
    """Read one file to a chain of all its expiries.

    OI and volume are contracts, quantities units; there is no spot. The `date` of the collection is the day the
    poll was meant for. BadInputError for a file that is no such Parquet or holds more than one stamp or symbol.
    """
    content, name = source_bytes(source, where)
    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read(columns=_COLUMNS, use_threads=False)
        return _chain(table, name, expected_day)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadInputError("a Parquet file of one poll", str(error), name) from error


def _chain(table: pa.Table, name: str, expected_day: str | None) -> ParsedChain:
    missing = [column for column in _COLUMNS if column not in table.column_names]
    if missing:
        raise BadInputError(f"columns {missing}", table.column_names, name)
    if table.num_rows == 0:
        raise EmptyInputError("rows of a chain", "0 rows", name)
    stamp = _only_value(table, "Fetch_Time", name)
    collected = _collection_ns(_only_value(table, "collection_timestamp", name), name)
    expiries = _expiries(table, name)
    check_prices(expiries, name)
    return ParsedChain(
        underlying=_only_value(table, "Symbol", name),
        stamp_ns=parse_nse_stamp(stamp),
        received_ns=collected,
        spot=None,
        vix=None,
        expiries=expiries,
        source=FORMAT,
        expected_day=expected_day,
    )


def _expiries(table: pa.Table, name: str) -> tuple[ExpiryChain, ...]:
    encoded = table.column("Expiry_Date").combine_chunks().dictionary_encode()
    if encoded.null_count:
        raise BadInputError("an expiry in every row", f"{encoded.null_count} rows without", name)
    labels = [parse_expiry(str(text), name).isoformat() for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy()
    raw: _Raw = {column: _numbers(table, column, name) for column in _COLUMNS if column not in _KEYS}
    for column in _COUNTS:
        raw[column] = _whole(raw[column])
    strikes = _numbers(table, "Strike_Price", name)
    chains = []
    for code, label in sorted(enumerate(labels), key=lambda pair: pair[1]):
        rows = np.flatnonzero(codes == code)
        rows = rows[np.argsort(strikes[rows], kind="stable")]
        chains.append(
            ExpiryChain(
                expiry=label,
                strikes=check_strikes(strikes[rows].tolist(), name),
                call=_side(raw, "CALLS", rows),
                put=_side(raw, "PUTS", rows),
            )
        )
    return tuple(chains)


def _side(raw: _Raw, side: str, rows: NDArray[np.intp]) -> LegColumns:
    def column(field: str) -> list[float]:
        return list(raw[f"{side}_{field}"][rows].tolist())

    return leg_columns(
        len(rows),
        bid=column("Bid_Price"),
        ask=column("Ask_Price"),
        bid_qty=column("Bid_Qty"),
        ask_qty=column("Ask_Qty"),
        ltp=column("LTP"),
        volume=column("Volume"),
        oi=column("OI"),
        oi_change=column("Chng_in_OI"),
        iv=column("IV"),
    )


def _numbers(table: pa.Table, column: str, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(table.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowException, ValueError) as error:
        raise BadInputError(f"numbers in column {column}", str(error), name) from error


def _whole(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64] | NDArray[np.int64]:
    # Whole columns of whole numbers are much quicker to clean; anything odd is left to the cleaning.
    if not np.all(np.abs(values) <= LARGEST_COUNT):
        return values
    return np.rint(values).astype(np.int64)


def _only_value(table: pa.Table, column: str, name: str) -> str:
    values = table.column(column).unique().to_pylist()
    if len(values) != 1 or not isinstance(values[0], str):
        raise BadInputError(f"one {column} in the whole file", values, name)
    return values[0]


def _collection_ns(text: str, name: str) -> int:
    try:
        return to_ns(datetime.strptime(text, "%Y%m%d_%H%M%S").replace(tzinfo=IST))
    except ValueError as error:
        raise BadInputError("a collection time like 20250829_092416", text, name) from error
