"""Daily and bar files that are no chains: end-of-day contracts, index levels, VIX, SPAN ranges, lots, ATM bars.

Each becomes one Arrow table of a named kind with columns in the system's units, for the store and for queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import Any

import pyarrow as pa

from services.ingest.formats import candles
from services.ingest.formats.dates import LONGEST_LIFE
from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.reference_layouts import LAYOUTS, Field, ReferenceLayout
from services.ingest.formats.source_bytes import Source, source_text
from services.ingest.formats.table_rows import first_row, in_width, rows_of
from services.ingest.formats.terms import Terms
from shared.errors import BadInputError, UnknownFormatError
from shared.market.chain import EmptyInputError
from shared.store.reference import ReferenceTable

_HEAD = 8192


def layout_of(head: str) -> ReferenceLayout | None:
    """Find the layout whose names are all in the first line; None when there is none."""
    names = set(first_row(head))
    return next((layout for layout in LAYOUTS if layout.header <= names), None)


def format_of(head: str) -> str | None:
    """Name the format of a file that `read` reads, by its first rows; None for another."""
    layout = layout_of(head)
    return layout.format if layout is not None else candles.format_of(head)


def read(source: Source, *, where: str = "", terms: Terms | None = None) -> ReferenceTable:
    """Read one file.

    A row that cannot be read, or comes again, is left out and counted, and so is a figure that is none.

    Raises:
        UnknownFormatError: its header is none of ours, or it holds something else than it seems to.
        EmptyInputError: there are no rows.
        BadInputError: not one row can be read.
    """
    text, name = source_text(source, where)
    layout = layout_of(text[:_HEAD])
    if layout is None:
        if candles.format_of(text[:_HEAD]) is not None:
            return candles.read(text, name, terms or Terms.load())
        raise UnknownFormatError("the header of a reference file", text[:80], name)
    left_out = LeftOut()
    rows = rows_of(text, name, left_out)
    header = [cell.strip() for cell in rows[0][1]]
    missing = [field.theirs for field in layout.fields.values() if field.theirs not in header]
    if missing:
        raise BadInputError(f"columns {missing}", header, name)
    if layout.under and (len(rows) < 2 or rows[1][1][0].strip() != layout.under):  # noqa: PLR2004 - one under the header
        raise UnknownFormatError(f"a row {layout.under} under the header", rows[1:2], name)
    body = rows[1 + layout.skip :]
    if not body:
        raise EmptyInputError("rows under the header", "0 rows", name)
    values = _rows(body, header, layout, name, left_out)
    left_out.require(values, "row", name)
    columns = {
        ours: pa.array([row[at] for row in values], field.type)
        for at, (ours, field) in enumerate(layout.fields.items())
    }
    _check_levels(layout, columns, name)
    if layout.kind == "level_daily":
        columns["series"] = pa.array([_series_name(name)] * len(values), pa.string())
    return ReferenceTable(layout.kind, layout.format, pa.table(columns), left_out.total())


def _rows(
    body: Sequence[tuple[int, list[str]]], header: Sequence[str], layout: ReferenceLayout, name: str, left_out: LeftOut
) -> list[tuple[Any, ...]]:
    found: dict[tuple[Any, ...], None] = {}
    for line, row in body:
        place = f"{name} row {line}"
        try:
            values = _values(in_width(row, len(header), place), header, layout, place, left_out)
        except BadInputError as error:
            left_out.add(error)
            continue
        if values in found:
            left_out.add(BadInputError("each row once", "it again", place))
        found[values] = None
    return list(found)


def _values(
    cells: Sequence[str], header: Sequence[str], layout: ReferenceLayout, where: str, left_out: LeftOut
) -> tuple[Any, ...]:
    found: dict[str, Any] = {
        ours: _value(
            cells[header.index(field.theirs)],
            field,
            f"{where} {field.theirs}",
            None if ours in layout.keys else left_out,
        )
        for ours, field in layout.fields.items()
    }
    if layout.kind == "eod":
        _check_expiry(found["day"], found["expiry"], where)
    return tuple(found.values())


def _value(cell: str, field: Field, where: str, left_out: LeftOut | None) -> object:
    try:
        value = field.read(cell, where)
    except BadInputError as error:
        if left_out is None:
            raise
        left_out.add(error)
        return None
    return value * field.scale if isinstance(value, float) else value


def _check_expiry(day: date, expiry: date, where: str) -> None:
    if not day <= expiry <= day + LONGEST_LIFE:
        raise BadInputError(f"an expiry that a contract of {day} can have", expiry.isoformat(), where)


def _check_levels(layout: ReferenceLayout, columns: dict[str, pa.Array], name: str) -> None:
    if layout.levels is None:
        return
    closes = [value for value in columns["close"].to_pylist() if value is not None]
    low, high = (bound * layout.fields["close"].scale for bound in layout.levels)
    if closes and not low <= median(closes) <= high:
        raise UnknownFormatError(f"closes of India VIX, {low:g} to {high:g}", median(closes), name)


def _series_name(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".csv")
