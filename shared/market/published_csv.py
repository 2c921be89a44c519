"""The exchange's daily reports as CSV files: columns by words of their headings, values strictly."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final

from shared.errors import BadInputError

_DATES: Final = ("%d-%b-%Y", "%d-%b-%y", "%Y-%m-%d", "%d/%m/%Y", "%d%m%Y")

Cells = Mapping[str, str]


def published_rows(path: Path, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Cells]]:
    """Give each row's place and wanted cells; a column is wanted by words that its heading alone has.

    Lines before the headings, a title for one, are passed over: they have fewer cells than columns are wanted.

    Raises:
        BadInputError: names file, row and column of what is not as published.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError("a readable CSV file", str(error), str(path)) from error
    filled = [(number, line) for number, line in enumerate(lines, start=1) if any(cell.strip() for cell in line)]
    top = next((at for at, (_, line) in enumerate(filled) if _cells(line) >= len(wanted)), 0)
    if not filled:
        raise BadInputError("a row of headings", "an empty file", path.name)
    headings = [" ".join(cell.lower().split()) for cell in filled[top][1]]
    columns = {name: _column(headings, words, path.name) for name, words in wanted.items()}
    for number, line in filled[top + 1 :]:
        where = f"{path.name} row {number}"
        if len(line) < len(headings):
            raise BadInputError(f"{len(headings)} cells", len(line), where)
        yield where, {name: line[at].strip() for name, at in columns.items()}


def published_day(text: str, where: str) -> date:
    """Read a date in one of the spellings of the reports.

    Raises:
        BadInputError: it is none.
    """
    for layout in _DATES:
        try:
            return datetime.strptime(text, layout).date()  # noqa: DTZ007  # a calendar day has no zone
        except ValueError:
            continue
    raise BadInputError("a date like 26-Nov-2026", text, where)


def published_number(text: str, where: str) -> float:
    """Read a finite number.

    Raises:
        BadInputError: it is none.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise BadInputError("a number", text, where) from error
    if not math.isfinite(value):
        raise BadInputError("a finite number", text, where)
    return value


def _cells(line: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in line)


def _column(headings: list[str], words: tuple[str, ...], where: str) -> int:
    fitting = [at for at, heading in enumerate(headings) if all(word in heading for word in words)]
    exact = [at for at in fitting if headings[at] == " ".join(words)]
    if len(exact or fitting) != 1:
        found = [headings[at] for at in fitting] or headings
        raise BadInputError(f"one column headed {' '.join(words)!r}", found, where)
    return (exact or fitting)[0]
