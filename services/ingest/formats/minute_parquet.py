"""Parquet files of one poll of the whole chain: a row per strike and expiry, calls and puts side by side."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from services.ingest.formats.assemble import assemble
from services.ingest.formats.columns import LARGEST_COUNT, check_strikes, leg_columns
from services.ingest.formats.dates import parse_day
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.lenient import figure
from services.ingest.formats.source_bytes import Source, source_bytes
from services.ingest.formats.wide_table import ColumnLayout, WideTable, sound_rows
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

_LAYOUT = ColumnLayout(
    FORMAT,
    call={field: f"CALLS_{field}" for field in SIDE_FIELDS},
    put={field: f"PUTS_{field}" for field in SIDE_FIELDS},
)
"""Which columns belong to a contract; the names on the left are the file's own."""

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
    left_out = LeftOut()
    return assemble(
        _expiries(table, name, left_out),
        left_out,
        underlying=_only_value(table, "Symbol", name),
        stamp_ns=parse_nse_stamp(stamp),
        received_ns=collected,
        spot=None,
        source=FORMAT,
        where=name,
        expected_day=expected_day,
    )


def _expiries(table: pa.Table, name: str, left_out: LeftOut) -> list[ExpiryChain]:
    encoded = table.column("Expiry_Date").combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1).to_numpy())
    for _ in range(int((codes < 0).sum())):
        left_out.add(BadInputError("an expiry in every row", None, name))
    days = np.zeros(len(codes), dtype=np.int64)
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            days[codes == code] = parse_day(str(text), name).toordinal()
        except BadInputError as error:
            left_out.add(error)
    numbers = {column: _numbers(table, column, name, left_out) for column in _COLUMNS if column not in _KEYS}
    strikes = _numbers(table, "Strike_Price", name, left_out)
    stamps = np.zeros(len(codes), dtype=np.int64)
    wide = WideTable(stamps=stamps, expiries=days, strikes=strikes, spot=strikes, numbers=numbers)
    order = np.lexsort((strikes, days))
    order = order[days[order] > 0]
    left_out.require(order.tolist(), "row with an expiry", name)
    wide, order = sound_rows(wide, order, _LAYOUT, name, left_out)
    raw: _Raw = dict(wide.numbers)
    for column in _COUNTS:
        raw[column] = _whole(raw[column])
    return [
        ExpiryChain(
            expiry=date.fromordinal(int(days[rows[0]])).isoformat(),
            strikes=check_strikes(strikes[rows].tolist(), name),
            call=_side(raw, "CALLS", rows),
            put=_side(raw, "PUTS", rows),
        )
        for rows in np.split(order, np.flatnonzero(np.diff(days[order])) + 1)
    ]


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


def _numbers(table: pa.Table, column: str, name: str, left_out: LeftOut) -> NDArray[np.float64]:
    values = table.column(column)
    try:
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowException, ValueError, TypeError):
        pass  # a column of text: each cell by itself then
    found = []
    for row, value in enumerate(values.to_pylist()):
        cell = figure(value, f"{name} {column} row {row}", left_out)
        found.append(np.nan if cell is None else float(cell))
    return np.array(found, dtype=np.float64)


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
