"""The features of stored or captured days as a Parquet table, by the very path that trading takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from services.features.handler import FeaturesHandler
from services.ingest.sources.recorded.replay import open_replay
from shared.errors import BadInputError
from shared.events import Event, FeatureVector
from shared.market.chain import Parsed
from shared.models.feature_schema import FeatureSchema
from trading_system.wiring import Installation

_ROWS_PER_GROUP: Final = 4096


@dataclass(frozen=True, slots=True)
class FeatureExport:
    """What was written: the file, its rows (one per accepted snapshot), and how many captures ingest refused."""

    path: Path
    rows: int
    refused: int


def feature_vectors(items: Iterable[Parsed], house: Installation, book: str = "nifty") -> Iterator[FeatureVector]:
    """Give the feature vector of each capture that passes the gates of ingest, in order."""
    ingest = house.ingest_handler(book)
    features = FeaturesHandler(book, house.features, house.calendar, house.contracts, house.clock, house.positions)
    for item in items:
        for event in ingest.accept(item):
            yield from _vectors(features, event)


def export_features(
    source: str | Path,
    out: Path,
    *,
    store: Path | None = None,
    book: str = "nifty",
    installation: Installation | None = None,
) -> FeatureExport:
    """Write the features of a file, a folder or a stored day to a Parquet file, whole or not at all.

    Columns are the event time, the vector's id, underlying, spot, forward, expiry and every feature by name, null
    where missing; the file's metadata names the schema.

    Raises:
        BadInputError: there is no such source, or no snapshot in it.
    """
    house = installation or Installation.load()
    ingest = house.ingest_handler(book)
    features = FeaturesHandler(book, house.features, house.calendar, house.contracts, house.clock, house.positions)
    unfinished = out.with_name(f"{out.name}.part")
    rows = 0
    try:
        with pq.ParquetWriter(unfinished, _columns_of(house.schema())) as writer:
            waiting: list[FeatureVector] = []
            for item in open_replay(source, store=store, book=book):
                waiting += [vector for event in ingest.accept(item) for vector in _vectors(features, event)]
                if len(waiting) >= _ROWS_PER_GROUP:
                    rows += _write(writer, waiting)
            rows += _write(writer, waiting)
        if rows == 0:
            raise BadInputError("at least one snapshot that passes the gates", "none", str(source))
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return FeatureExport(out, rows, sum(ingest.refusals.values()))


def _columns_of(schema: FeatureSchema) -> pa.Schema:
    return pa.schema(
        [
            ("ts", pa.timestamp("ns", tz="UTC")),
            ("id", pa.string()),
            ("underlying", pa.string()),
            ("spot", pa.float64()),
            ("forward", pa.float64()),
            ("expiry", pa.string()),
            *((name, pa.float64()) for name in schema.names),
        ],
        metadata={"feature_schema": schema.id},
    )


def _vectors(features: FeaturesHandler, event: Event) -> Iterator[FeatureVector]:
    yield from (answer for answer in features.handle(event) if isinstance(answer, FeatureVector))


def _write(writer: pq.ParquetWriter, vectors: list[FeatureVector]) -> int:
    """Write vectors as one row group and empty the list; gives how many they were."""
    if not vectors:
        return 0
    count = len(vectors)
    columns: list[list[object]] = [
        [vector.header.ts for vector in vectors],
        [vector.header.id for vector in vectors],
        [vector.market.underlying for vector in vectors],
        [vector.market.spot for vector in vectors],
        [vector.market.forward for vector in vectors],
        [vector.market.expiry for vector in vectors],
        *map(list, zip(*(vector.values for vector in vectors), strict=True)),
    ]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, writer.schema, strict=True)]
    writer.write_table(pa.Table.from_arrays(arrays, schema=writer.schema))
    vectors.clear()
    return count
