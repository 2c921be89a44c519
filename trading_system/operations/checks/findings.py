"""What a check is asked about and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it found.

    Attributes:
        check: name, the same for the same sort of thing.
        text: what was found, in words.
        todo: what a person does about it; empty where nothing is to be done, or `text` says it.
    """

    check: str
    grade: Grade
    text: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined.

    Attributes:
        today: day it is examined for.
        environ: variables; the process's own when None.
        book: key of the events.
        now_ns: the present, ns UTC.
    """

    today: date
    environ: Mapping[str, str] | None = None
    book: str = "nifty"
    now_ns: int = 0


Check = Callable[[Subject], Iterable[Finding]]
"""Looks at one thing. It raises nothing for what is wrong with that thing: that is its finding."""
