"""Reference tables in the store: end-of-day contracts, VIX, SPAN ranges and the like, and their views for queries.

They lie at <root>/reference/<kind>/<hash of the content>.parquet, so the same file imported twice is there once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from shared.ids import content_hash
from shared.market.chain import NOTHING_ASIDE, SetAside
from shared.store.layout import replace_synced

_FOLDER = "reference"


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """One file as a table.

    Attributes:
        kind: which table of the store it belongs to.
        format: which layout it was read from.
        table: its rows.
        set_aside: what of the file is not in them.
    """

    kind: str
    format: str
    table: pa.Table
    set_aside: SetAside = NOTHING_ASIDE


def put_reference(root: Path, reference: ReferenceTable) -> Path:
    """Write a reference table whole or not at all; give its place."""
    folder = root / _FOLDER / reference.kind
    folder.mkdir(parents=True, exist_ok=True)
    sink = pa.BufferOutputStream()
    pq.write_table(reference.table, sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    place = folder / f"{content_hash(content)}.parquet"
    if not place.exists():
        unfinished = place.with_suffix(".unfinished")
        unfinished.write_bytes(content)
        replace_synced(unfinished, place)
    return place


def add_reference_views(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Create a view per kind of reference table in the store, named after it."""
    for folder in sorted((root / _FOLDER).glob("*")):
        parts = [str(part) for part in sorted(folder.glob("*.parquet"))]
        if parts:
            connection.read_parquet(parts, union_by_name=True).create_view(folder.name)
