"""Text tables cut into named columns of numbers, whatever the layout: the common part of the CSV readers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from services.ingest.formats.lenient import number
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError

Columns = dict[str, list[str]]

_MOST_FIELDS = 4096


def cells_of(text: str, where: str, delimiter: str = ",") -> list[list[str]]:
    """Cut text into rows of cells; BadInputError when quoting is broken or a cell is beyond measure."""
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise BadInputError("a table of cells", str(error), where) from error


def columns_of(text: str, where: str, required: Iterable[str], delimiter: str = ",") -> Columns:
    """Give the columns by their header; a missing one, a short or a long row is a BadInputError, no row an EmptyInputError."""
    rows = cells_of(text, where, delimiter)
    header = [name.strip() for name in rows[0]] if rows else []
    missing = [name for name in required if name not in header]
    if missing or len(header) > _MOST_FIELDS:
        raise BadInputError(f"columns {missing}", header, where)
    body = rows[1:]
    if not body:
        raise EmptyInputError("rows under the header", "0 rows", where)
    for line, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise BadInputError(f"{len(header)} cells", len(row), f"{where} row {line}")
    return {name: [row[place] for row in body] for place, name in enumerate(header)}


def numbers_of(columns: Columns, name: str, where: str) -> list[float | None]:
    """Give one column as numbers, None where a cell says so."""
    return [number(cell, f"{where} {name} row {line}") for line, cell in enumerate(columns[name], start=2)]


def only_value(values: Sequence[str], what: str, where: str) -> str:
    """Give the one value a column holds; BadInputError when there are more."""
    distinct = set(values)
    if len(distinct) != 1:
        raise BadInputError(f"one {what} in the whole file", sorted(distinct)[:5], where)
    return values[0]


def pick(columns: Columns, rows: Sequence[int]) -> Columns:
    """Keep some rows, in the order given."""
    return {name: [cells[row] for row in rows] for name, cells in columns.items()}


def require_numbers(values: Sequence[float | None], what: str, where: str) -> list[float]:
    """Give a column that must not have a gap."""
    found = []
    for line, value in enumerate(values, start=2):
        if value is None:
            raise BadInputError(f"a {what} in every row", "nothing", f"{where} row {line}")
        found.append(value)
    return found


SideNames = Mapping[str, str]
"""Our column of a leg to its name in a file."""
