"""Rules with effective dates, read from TOML: the packaged table first, then a file the user keeps up to date."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Any

from shared.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Row = dict[str, Any]
"""One `[[section]]` of a table: field name to TOML value."""


@dataclass(frozen=True, slots=True)
class TableWarning:
    """A dated table is asked about a day past the one until which it was checked, and assumed unchanged since.

    Attributes:
        table: name of the table.
        covered_until: last day to which its rows were checked.
        on: day it is asked about.
        message: the same in a sentence, with what to do.
    """

    table: str
    covered_until: date
    on: date
    message: str


class DatedTable:
    """Sections of rows and the days they were verified for.

    Args:
        name: what the table is called in messages.
        sections: rows by section name.
        covered_from: first day the rows hold for.
        covered_until: last day to which they were verified.
    """

    def __init__(self, name: str, sections: Mapping[str, list[Row]], covered_from: date, covered_until: date) -> None:
        self.name = name
        self.covered_from = covered_from
        self.covered_until = covered_until
        self._sections = {section: list(rows) for section, rows in sections.items()}

    @classmethod
    def load(cls, name: str, user_file: Path | None = None) -> DatedTable:
        """Read the packaged table `name` and lay the user's file over it.

        The user's file has the same format; its rows are added after the packaged ones and win where both speak of
        the same day. TableError when a file cannot be read or lacks `covered_from` or `covered_until`.
        """
        packaged = resources.files("shared.market").joinpath("tables", f"{name}.toml")
        table = cls._parse(name, packaged.read_text(encoding="utf-8"), f"packaged table {name}.toml")
        if user_file is None:
            return table
        try:
            text = user_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TableError(f"expected a readable {name} table at {user_file}, got {error}") from error
        return table.overlaid(cls._parse(name, text, str(user_file)))

    @classmethod
    def _parse(cls, name: str, text: str, where: str) -> DatedTable:
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TableError(f"expected TOML in {where}, got {error}") from error
        bounds = []
        for key in ("covered_from", "covered_until"):
            value = content.pop(key, None)
            if type(value) is not date:
                raise TableError(f"expected a date at {key} in {where}, got {value!r}")
            bounds.append(value)
        for section, rows in content.items():
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise TableError(f"expected [[{section}]] to be a list of rows in {where}, got {type(rows).__name__}")
        return cls(name, content, bounds[0], bounds[1])

    def overlaid(self, upper: DatedTable) -> DatedTable:
        """Give a table with the rows of `upper` after these, covering the days of both."""
        names = (*self._sections, *(name for name in upper._sections if name not in self._sections))
        sections = {name: self._sections.get(name, []) + upper._sections.get(name, []) for name in names}
        return DatedTable(
            self.name,
            sections,
            min(self.covered_from, upper.covered_from),
            max(self.covered_until, upper.covered_until),
        )

    def rows(self, section: str) -> Sequence[Row]:
        """Give the rows of a section in the order written, none when there is no such section."""
        return tuple(self._sections.get(section, ()))

    def fields(self, section: str, names: Mapping[str, type | tuple[type, ...]]) -> Sequence[Row]:
        """Give the rows of a section after checking the fields in `names` are there and of the type told."""
        for number, row in enumerate(self.rows(section), start=1):
            for field, kind in names.items():
                if not isinstance(row.get(field), kind):
                    raise TableError(
                        f"expected {kind} at {field} in [[{section}]] row {number} of {self.name}, got {row.get(field)!r}"
                    )
        return self.rows(section)

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when `on` lies past the day to which the table was verified, none otherwise."""
        if on <= self.covered_until:
            return []
        message = (
            f"table {self.name} was checked until {self.covered_until:%d-%b-%Y} and is assumed unchanged since: for "
            f"{on:%d-%b-%Y} look at the exchange's circulars and lay an updated {self.name}.toml over it"
        )
        return [TableWarning(self.name, self.covered_until, on, message)]


def in_force(rows: Iterable[Row], on: date, what: str) -> Row:
    """Give the row with the latest `from` not after `on`, the later written winning a tie.

    TableError when the first row begins after `on`; `what` names the quantity in the message.
    """
    best: Row | None = None
    for row in rows:
        if row["from"] <= on and (best is None or row["from"] >= best["from"]):
            best = row
    if best is None:
        raise TableError(f"expected a row of {what} in force on {on:%d-%b-%Y}, got none that begins so early")
    return best
