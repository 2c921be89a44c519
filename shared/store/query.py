"""SQL over the store: DuckDB views of snapshots, legs, the chain, and every kind of event."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from shared.errors import BadInputError
from shared.store.layout import Table, list_parts, walk_days
from shared.store.reference import add_reference_views
from shared.store.tables import EVENT_SCHEMA, LEG_SCHEMA, SNAPSHOT_SCHEMA

_EMPTY = {Table.SNAPSHOTS: SNAPSHOT_SCHEMA, Table.LEGS: LEG_SCHEMA, Table.EVENTS: EVENT_SCHEMA}
_VIEWS: Final = files("shared.store").joinpath("views.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Columns and rows of a query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def query(sql: str, store: Path) -> QueryResult:
    """Run one SQL statement over a store.

    Views: `snapshots` and `legs` as stored (with book and date), `chain` (legs with time in IST and spot), `events`
    (every other event, its payload as JSON), and `trades`, `signals`, `denials` with their fields as columns; what was
    imported besides chains under its kind (`eod`, `vix_daily`, `span_daily` ...). Nothing outside the store can be read or written from here.

    Args:
        sql: one statement.
        store: folder of the recorded days.

    Raises:
        BadInputError: DuckDB refuses the statement.
    """
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as connection:
        for table in Table:
            _view(connection, store, table)
        connection.execute(_VIEWS)
        add_reference_views(connection, store)
        connection.execute(f"SET allowed_directories = [{_quoted(store)}]")
        connection.execute("SET enable_external_access = false")
        try:
            answer = connection.execute(sql)
            columns = tuple(column[0] for column in answer.description or ())
            return QueryResult(columns, tuple(answer.fetchall()) if columns else ())
        except duckdb.Error as error:
            raise BadInputError("a statement DuckDB understands", sql, str(error)) from error


def _view(connection: duckdb.DuckDBPyConnection, store: Path, table: Table) -> None:
    parts = [str(part) for _, _, folder in walk_days(store, table) for part in list_parts(folder)]
    if parts:
        relation = connection.read_parquet(parts, hive_partitioning=True, union_by_name=True)
        relation.create_view(table.value)
        return
    nothing = _EMPTY[table].append(pa.field("book", pa.string())).append(pa.field("date", pa.date32())).empty_table()
    connection.register(table.value, nothing)


def _quoted(path: Path) -> str:
    return "'" + str(path.resolve()).replace("'", "''") + "'"
