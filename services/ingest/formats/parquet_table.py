"""Parquet files of many moments as arrays: numbers, wall-clock times in India, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shared.clock import NS_PER_DAY, NS_PER_SECOND
from shared.errors import BadInputError

_IST_NS = 19_800 * NS_PER_SECOND
_EPOCH_ORDINAL = 719_163

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """Columns of one file.

    Attributes:
        numbers: float64, NaN where null.
        times: ns UTC; the file has them in India's wall clock.
        days: ordinals of dates.
        labels: text.
    """

    numbers: Mapping[str, NDArray[np.float64]]
    times: Mapping[str, NDArray[np.int64]]
    days: Mapping[str, NDArray[np.int64]]
    labels: Mapping[str, NDArray[np.object_]]


def read_numbers(
    path: Path,
    numbers: Iterable[str],
    *,
    times: Iterable[str] = (),
    days: Iterable[str] = (),
    labels: Iterable[str] = (),
) -> ParquetTable:
    """Read columns by their kind; BadInputError when the file is none, lacks one, or has one of another kind."""
    wanted = [*numbers, *times, *days, *labels]
    try:
        table = pq.ParquetFile(path).read(columns=wanted)
        missing = [name for name in wanted if name not in table.column_names]
        if missing:
            raise BadInputError(f"columns {missing}", table.column_names, str(path))
        return ParquetTable(
            {name: _array(table.column(name).cast(pa.float64()), np.float64) for name in numbers},
            {name: _ns(table.column(name)) - _IST_NS for name in times},
            {name: _ns(table.column(name)) // NS_PER_DAY + _EPOCH_ORDINAL for name in days},
            {name: _array(table.column(name).cast(pa.string()), np.object_) for name in labels},
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInputError(f"a Parquet table with columns {wanted}", str(error), str(path)) from error


def _ns(column: pa.ChunkedArray) -> NDArray[np.int64]:
    if column.null_count:
        raise ValueError(f"{column.null_count} rows without a time")
    return _array(pc.cast(column.cast(pa.timestamp("ns")), pa.int64()), np.int64)


def _array(column: pa.ChunkedArray, kind: type[T]) -> NDArray[T]:
    return np.asarray(column.to_numpy(), dtype=kind)
