"""Text tables cut into named columns of numbers, whatever the layout: the common part of the CSV readers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from services.ingest.formats.left_out import LeftOut
from services.ingest.formats.lenient import number
from shared.errors import BadInputError
from shared.market.chain import EmptyInputError

Columns = dict[str, list[str]]
ReadCell = Callable[[str, str], Any]
"""Reads one cell, told where it stands; raises BadInputError."""

_MOST_FIELDS = 4096
_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d+,\d{1,2}|[+-]?\d{4,},\d+", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d[\d.]*,\d+|[+-]?\d{1,3}(?:\.\d{3})+", re.ASCII)
_KINDS = {"ce": "CE", "pe": "PE", "c": "CE", "p": "PE", "call": "CE", "put": "PE"}


def rows_of(text: str, where: str, left_out: LeftOut, *, multiline: bool = False) -> list[tuple[int, list[str]]]:
    """Cut text into rows of cells with the number of the line each ends on, blank rows passed over.

    The delimiter is the one the first row is cut into most cells by: a comma, a semicolon, a tab or a bar; a first
    line `sep=;` tells it. Where it is no comma and any cell has a decimal comma, commas are decimal in all of them.
    A row with a torn quote is left out, and so is what runs over a line where cells do not (`multiline`).
    """
    told = _SEPARATOR_LINE.match(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    delimiter = told[1] if told else delimiter_of(text)
    start = 1 if told else 0
    rows = _whole_text("\n".join(lines[start:]), delimiter, start, multiline=multiline)
    if rows is None:
        rows = _line_by_line(lines, delimiter, start, where, left_out)
    if delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell.strip()) for _, row in rows for cell in row):
        rows = [(line, [_with_point(cell) for cell in row]) for line, row in rows]
    return rows


def delimiter_of(text: str) -> str:
    """Find the delimiter of a table by its first row."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=first.count)


def first_row(text: str) -> list[str]:
    """Give the bare cells of the first row that is not blank, none when there is no row; for a look at the header."""
    told = _SEPARATOR_LINE.match(text)
    rest = text.partition("\n")[2] if told else text
    first = next((line for line in rest.splitlines() if line.strip()), "")
    delimiter = told[1] if told else delimiter_of(rest)
    return [cell.strip().strip('"').strip() for cell in first.split(delimiter)] if first else []


def _whole_text(text: str, delimiter: str, skipped: int, *, multiline: bool) -> list[tuple[int, list[str]]] | None:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num + skipped, row) for row in reader if any(map(str.strip, row))]
    except csv.Error:
        return None
    torn = not multiline and any("\n" in cell for _, row in rows for cell in row)
    return None if torn else rows


def _line_by_line(
    lines: Sequence[str], delimiter: str, start: int, where: str, left_out: LeftOut
) -> list[tuple[int, list[str]]]:
    rows = []
    for line, text in enumerate(lines[start:], start=start + 1):
        try:
            cells = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            left_out.add(BadInputError("a row of cells", str(error), f"{where} row {line}"))
            continue
        if any(map(str.strip, cells)):
            rows.append((line, cells))
    return rows


def _with_point(cell: str) -> str:
    bare = cell.strip()
    return bare.replace(".", "").replace(",", ".") if _COMMA_NUMBER.fullmatch(bare) else cell


def in_width(row: list[str], width: int, where: str) -> list[str]:
    """Fit a row to the header's width: blank cells at its end count for nothing; BadInputError when it does not fit."""
    if len(row) > width and not any(map(str.strip, row[width:])):
        return row[:width]
    if len(row) != width:
        raise BadInputError(f"{width} cells", len(row), where)
    return row


class CellTable:
    """Named columns of cells, and what was left out of them.

    Args:
        columns: cells by name, all of one length.
        lines: the line of the file each row stands on.
        name: what the file is called in messages.
        left_out: takes the faults.
    """

    def __init__(self, columns: Columns, lines: Sequence[int], name: str, left_out: LeftOut) -> None:
        self.columns = columns
        self.name = name
        self.left_out = left_out
        self._lines = lines

    @classmethod
    def read(cls, text: str, name: str, required: Iterable[str], left_out: LeftOut) -> CellTable:
        """Cut text into columns by its header; a short or a long row is left out.

        Raises:
            BadInputError: a column of `required` is missing, or no row fits the header.
            EmptyInputError: there is no row under the header.
        """
        rows = rows_of(text, name, left_out)
        header = [cell.strip() for cell in rows[0][1]] if rows else []
        missing = [column for column in required if column not in header]
        if missing or len(header) > _MOST_FIELDS:
            raise BadInputError(f"columns {missing}", header, name)
        body = rows[1:]
        if not body:
            raise EmptyInputError("rows under the header", "0 rows", name)
        fitting = []
        for line, row in body:
            try:
                fitting.append((line, in_width(row, len(header), f"{name} row {line}")))
            except BadInputError as error:
                left_out.add(error)
        left_out.require(fitting, "row", name)
        columns = {column: [row[place] for _, row in fitting] for place, column in enumerate(header)}
        return cls(columns, [line for line, _ in fitting], name, left_out)

    def __len__(self) -> int:
        return len(self._lines)

    def pick(self, rows: Sequence[int]) -> CellTable:
        """Keep some rows, in the order given."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return CellTable(columns, [self._lines[row] for row in rows], self.name, self.left_out)

    def keyed(self, keys: Mapping[str, ReadCell]) -> tuple[CellTable, dict[str, list[Any]]]:
        """Read the cells that tell what a row is about; rows in which one cannot be read are left out.

        Returns:
            The rows that are left, and their keys by column.

        Raises:
            BadInputError: no row is left.
        """
        kept: list[int] = []
        values: dict[str, list[Any]] = {column: [] for column in keys}
        for row, line in enumerate(self._lines):
            try:
                found = [
                    read(self.columns[column][row], f"{self.name} {column} row {line}") for column, read in keys.items()
                ]
            except BadInputError as error:
                self.left_out.add(error)
                continue
            kept.append(row)
            for column, value in zip(keys, found, strict=True):
                values[column].append(value)
        self.left_out.require(kept, "row", self.name)
        return (self if len(kept) == len(self) else self.pick(kept)), values

    def numbers(self, column: str) -> list[float | None]:
        """Give one column as numbers, None where a cell says so or is left out as none."""
        found: list[float | None] = []
        for line, cell in zip(self._lines, self.columns[column], strict=True):
            try:
                found.append(number(cell, f"{self.name} {column} row {line}"))
            except BadInputError as error:
                self.left_out.add(error)
                found.append(None)
        return found

    def commonest(self, column: str) -> tuple[CellTable, str]:
        """Give the value most rows have in a column that should have one, and those rows; the others are left out."""
        cells = [cell.strip() for cell in self.columns[column]]
        value = max(dict.fromkeys(cells), key=cells.count)
        kept = [row for row, cell in enumerate(cells) if cell == value]
        for row in range(len(cells)):
            if cells[row] != value:
                where = f"{self.name} {column} row {self._lines[row]}"
                self.left_out.add(BadInputError(f"one {column} in the whole file ({value})", cells[row], where))
        return (self if len(kept) == len(self) else self.pick(kept)), value


def strike_of(cell: str, where: str) -> float:
    """Read a strike, in points; BadInputError for none, or for one at 0 or below."""
    found = number(cell, where)
    if found is None or found <= 0.0:
        raise BadInputError("a positive strike", cell, where)
    return found


def kind_of(cell: str, where: str) -> str:
    """Read CE or PE, also spelled call and put; BadInputError for anything else."""
    kind = _KINDS.get(cell.strip().lower())
    if kind is None:
        raise BadInputError("CE or PE", cell, where)
    return kind
