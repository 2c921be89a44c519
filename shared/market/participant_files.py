"""Who holds the index options: the exchange's participant-wise open interest, from files a person fetched.

A folder holds files under the names they are published with, the day in each name:

    fao_participant_oi_26112026.csv        contracts long and short by kind of participant, after the close of that day

The report counts all index options together, of every underlying and expiry, so it tells the sign of a desk's book and
not its place. A session sees reports of days before it alone: the day's own comes in the evening. Nothing here fetches
a file: the exchange's terms allow its reports for one's own use and forbid automated downloads.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from shared.errors import BadInputError, ConfigError
from shared.market.published_csv import Cells, published_day, published_number, published_rows

KEPT_FOR: Final = timedelta(days=7)
"""A report older than this says nothing about a day any more: holidays never keep the exchange shut for so long."""

_NAME = re.compile(r"fao_participant_oi_(\d{8})\.csv", re.IGNORECASE)
_DESKS = "pro"
_COLUMNS: Final = {
    "participant": ("client", "type"),
    "call_long": ("option", "index", "call", "long"),
    "call_short": ("option", "index", "call", "short"),
    "put_long": ("option", "index", "put", "long"),
    "put_short": ("option", "index", "put", "short"),
}


@dataclass(frozen=True, slots=True)
class DeskPositions:
    """How proprietary desks stand in index options at a close.

    Attributes:
        calls, puts: (long - short) / (long + short) contracts, -1 to 1; above 0 they own more than they have sold.
    """

    calls: float
    puts: float


class PublishedPositions:
    """Positions of the desks by day.

    Args:
        by_day: day of the report to what it says.
    """

    def __init__(self, by_day: Mapping[date, DeskPositions]) -> None:
        self._by_day = by_day
        self._days = sorted(by_day)

    @property
    def by_day(self) -> Mapping[str, tuple[float, float]]:
        """Everything known, as balances of calls and puts by ISO day of the report."""
        return {day.isoformat(): (self._by_day[day].calls, self._by_day[day].puts) for day in self._days}

    @classmethod
    def read(cls, folder: Path | None) -> PublishedPositions:
        """Read every file of the folder that bears the published name; without a folder nothing is known.

        Raises:
            ConfigError: there is no such folder.
            BadInputError: names file, row and column of what is not as published, or a day that is there twice.
        """
        if folder is None:
            return NOTHING_PUBLISHED
        if not folder.is_dir():
            raise ConfigError(f"THETAFLOW_PARTICIPANT_FILES: expected a folder, got {str(folder)!r}")
        found: dict[date, DeskPositions] = {}
        for path in sorted(folder.iterdir()):
            named = _NAME.fullmatch(path.name)
            if named is None:
                continue
            day = published_day(named[1], path.name)
            if day in found:
                raise BadInputError(f"one report of {day}", path.name, str(folder))
            found[day] = _desks(path)
        return cls(found)

    def before(self, on: date) -> DeskPositions | None:
        """Give the newest positions published before day `on`; None when there are none or they are too old."""
        at = bisect_left(self._days, on) - 1
        if at < 0 or on - self._days[at] > KEPT_FOR:
            return None
        return self._by_day[self._days[at]]


NOTHING_PUBLISHED: Final = PublishedPositions({})


def _desks(path: Path) -> DeskPositions:
    found = [(where, cells) for where, cells in published_rows(path, _COLUMNS) if _is_desks(cells)]
    if len(found) != 1:
        raise BadInputError("one row of Pro", f"{len(found)} rows", path.name)
    where, cells = found[0]
    return DeskPositions(calls=_balance(cells, "call", where), puts=_balance(cells, "put", where))


def _is_desks(cells: Cells) -> bool:
    return cells["participant"].lower() == _DESKS


def _balance(cells: Cells, kind: str, where: str) -> float:
    bought, sold = (_contracts(cells[f"{kind}_{side}"], where) for side in ("long", "short"))
    if bought + sold == 0.0:
        raise BadInputError(f"index {kind}s held by the desks", "none", where)
    return (bought - sold) / (bought + sold)


def _contracts(text: str, where: str) -> float:
    count = published_number(text.replace(",", ""), where)
    if count < 0.0:
        raise BadInputError("contracts, 0 or more", text, where)
    return count
