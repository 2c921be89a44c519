"""What a day's report holds; light enough for the process that only passes it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from shared.errors import BadInputError, LayoutError

FILE: Final = "report.json"


class ReplayVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the replay.

    Attributes:
        equal: None when the day could not be replayed.
        fed: events from outside that entered it.
        text: the first difference, or why there was no replay.
    """

    equal: bool | None
    live_hash: str = ""
    replayed_hash: str = ""
    fed: int = 0
    decisions: int = 0
    text: str = ""


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a book. Money in rupees.

    Attributes:
        figures: of the day, by name.
        statistics: over every recorded trade up to the day's end, by name.
        denials, alerts: how many, by code.
        trades: a line each.
        risk: as `thetaflow risk-report --json` tells it.
    """

    book: str
    day: str
    replay: ReplayVerdict
    figures: dict[str, float]
    statistics: dict[str, float]
    denials: dict[str, int]
    alerts: dict[str, int]
    trades: tuple[str, ...]
    risk: dict[str, Any]


def read_report(path: Path) -> DayReport:
    """Read a report back.

    Raises:
        BadInputError: it is not there.
        LayoutError: it is no report.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=DayReport)
    except FileNotFoundError as error:
        raise BadInputError("the report of a day", "none", str(path)) from error
    except msgspec.DecodeError as error:
        raise LayoutError(f"expected the report of a day in {path}, got {error}") from error
