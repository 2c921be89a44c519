"""Tables that have a row per strike and calls and puts side by side: their columns, and which rows of them are sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from services.ingest.formats.columns import LARGEST_COUNT
from services.ingest.formats.left_out import LeftOut
from shared.errors import BadInputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """How one format names and counts things.

    Attributes:
        format: name of the format.
        call, put: our leg columns to theirs.
        oi_in_shares, volume_in_shares: the file counts units, not contracts.
    """

    format: str
    call: Mapping[str, str]
    put: Mapping[str, str]
    oi_in_shares: bool = False
    volume_in_shares: bool = False


@dataclass(frozen=True, slots=True)
class WideTable:
    """Columns of a table as arrays of one length.

    Attributes:
        stamps: ns UTC.
        expiries: days since 0001-01-01 (ordinal), 0 for "the nearest on that day".
        strikes: points.
        spot: points, NaN where there is none.
        numbers: every other column by the file's name, NaN where there is none.
    """

    stamps: IntArray
    expiries: IntArray
    strikes: FloatArray
    spot: FloatArray
    numbers: Mapping[str, FloatArray]
    underlying: str = "NIFTY"
    received: IntArray | None = field(default=None)


def sound_rows(
    table: WideTable, rows: NDArray[np.intp], layout: ColumnLayout, where: str, left_out: LeftOut
) -> tuple[WideTable, NDArray[np.intp]]:
    """Leave out rows without a positive strike, rows that come again, contracts that contradict, figures of no market.

    Args:
        table: all rows.
        rows: those of one moment, sorted by expiry and strike.
        layout: which columns belong to a contract.
        where: names the moment in messages.
        left_out: takes the faults.

    Returns:
        The table and the rows to read, which are those of the table given where nothing is wrong with it.

    Raises:
        BadInputError: no row has a strike.
    """
    strikes = table.strikes[rows]
    good = np.isfinite(strikes) & (strikes > 0.0) & (strikes <= LARGEST_COUNT)
    for strike in strikes[~good]:
        left_out.add(BadInputError("a positive strike", float(strike), where))
    rows = rows[good]
    left_out.require(rows.tolist(), "row with a strike", where)
    names = [name for side in (layout.call, layout.put) for name in side.values()]
    wild = {name: at for name in names if (at := rows[np.abs(table.numbers[name][rows]) > LARGEST_COUNT]).size}
    again = (np.diff(table.strikes[rows]) == 0.0) & (np.diff(table.expiries[rows]) == 0)
    if not wild and not again.any():
        return table, rows
    numbers = {name: np.array(column) for name, column in table.numbers.items()}
    for name, at in wild.items():
        for row in at:
            left_out.add(BadInputError(f"a finite number at {name}", float(numbers[name][row]), where))
        numbers[name][at] = np.nan
    table = replace(table, numbers=numbers)
    groups = np.split(rows, np.flatnonzero(~again) + 1)
    for group in groups:
        if group.size > 1:
            _merge(table, group, layout, f"{where} {table.strikes[group[0]]:g}", left_out)
    return table, np.array([group[0] for group in groups], dtype=np.intp)


def _merge(table: WideTable, rows: NDArray[np.intp], layout: ColumnLayout, where: str, left_out: LeftOut) -> None:
    # Rows of one strike may be one each for call and put; else they should say the same. The first row takes it all.
    contradicted = False
    told = 0
    for kind, side in (("CE", layout.call), ("PE", layout.put)):
        columns = [table.numbers[name] for name in side.values()]
        figures = np.array([column[rows] for column in columns]).T
        ones = figures[np.isfinite(figures).any(axis=1)]
        told += len(ones)
        agree = len(ones) == 0 or all(np.array_equal(ones[0], one, equal_nan=True) for one in ones[1:])
        if not agree:
            contradicted = True
            left_out.add(BadInputError(f"one {kind} of a strike", f"{len(ones)} that differ", where))
        for at, column in enumerate(columns):
            column[rows[0]] = ones[0][at] if agree and len(ones) else np.nan
    if not contradicted and told != len(rows):
        for _ in rows[1:]:
            left_out.add(BadInputError("each row once", "it again", where))
