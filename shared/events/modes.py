"""Events of the two modes: what an installation does now, and what became of a day."""

from __future__ import annotations

from enum import StrEnum

from shared.events.base import Event


class Mode(StrEnum):
    """What an installation does: trade the market, or work on the day that is over."""

    LIVE = "live"
    OFFLINE = "offline"


class ModeChanged(Event, frozen=True, kw_only=True):
    """A book is in a mode from here on, by the exchange's calendar; its event time is when the mode began.

    Attributes:
        mode: which.
        day: ISO date of the session: the one that LIVE is for, the next one while OFFLINE.
        until: when the mode ends by the calendar, ns UTC.
        states: with LIVE, sha256 of each handler's state archived before the open, by service; empty when none could be.
    """

    mode: Mode
    day: str
    until: int
    states: dict[str, str]


class DayReported(Event, frozen=True, kw_only=True):
    """The report of a day is written.

    Attributes:
        day: ISO date.
        equal: whether the replay decided what was decided live; None when the day could not be replayed.
        live_hash, replayed_hash: golden hash of each, empty when the day could not be replayed.
        text: the first difference, or why there was no replay; empty when it was equal.
        path: of the report, below the folder of the reports.
        content: hash of the report.
        figures: of the day, by name; money in rupees.
    """

    day: str
    equal: bool | None
    live_hash: str
    replayed_hash: str
    text: str
    path: str
    content: str
    figures: dict[str, float]
