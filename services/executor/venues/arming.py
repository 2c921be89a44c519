"""What an operator has confirmed, in one file: that live trading may enter on one day, and which answer means stored."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from services.executor.venues.answers import AnswerShape
from shared.errors import LayoutError, NotArmedError
from shared.events.upcasting import unchanged
from shared.layouts import Layout

FILE = "armed.json"


class Arming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who armed which book for which day.

    Attributes:
        book: whose signals may be sent.
        day: ISO date; empty when it is not armed and the file only keeps the answer.
        operator: who did it.
        venue: name, as the settings have it, of the venue that `answer` is of.
        answer: what an operator confirmed to mean stored, if one did.
    """

    book: str
    day: str
    operator: str
    venue: str = ""
    answer: AnswerShape | None = None


ARMING: Final = Layout("arming", Arming, version=2, upcasters={1: unchanged})
"""How the confirmation is stored."""


def arm(directory: Path, arming: Arming) -> Path:
    """Arm a book for a day; the answer that the file knows stays unless this one brings its own. Gives the file."""
    before = _read(directory)
    if arming.answer is None and before is not None and before.answer is not None:
        arming = msgspec.structs.replace(arming, venue=before.venue, answer=before.answer)
    return _write(directory, arming)


def keep_answer(directory: Path, venue: str, answer: AnswerShape, operator: str) -> Path:
    """Keep what an operator confirmed to mean stored; what is armed stays armed. Gives the file."""
    before = _read(directory) or Arming(book="", day="", operator=operator)
    return _write(directory, msgspec.structs.replace(before, venue=venue, answer=answer))


def known_answer(directory: Path, venue: str) -> AnswerShape | None:
    """Give the answer that an operator confirmed for a venue; None without one or when the file cannot be read."""
    arming = _read(directory)
    return arming.answer if arming is not None and arming.venue == venue else None


def disarm(directory: Path) -> None:
    """Take the confirmation of the day back; the answer that is known stays known."""
    before = _read(directory)
    # Removed first: taking back must work on a full disk, too, and keeping the answer is the lesser matter.
    (directory / FILE).unlink(missing_ok=True)
    if before is not None and before.answer is not None:
        _write(directory, msgspec.structs.replace(before, day=""))


def check_armed(directory: Path, book: str, day: date) -> Arming:
    """Give the confirmation for a book and a day.

    Raises:
        NotArmedError: there is none; says what to do.
    """
    path = directory / FILE
    none = f"expected {path} written for book {book} and {day}, got none: live is not armed"
    try:
        arming = ARMING.decode(path.read_bytes())
    except OSError as error:
        raise NotArmedError(none) from error
    except LayoutError as error:
        raise NotArmedError(f"expected book, day and operator in {path}, got {error}") from error
    if not arming.day:
        raise NotArmedError(none)
    if (arming.book, arming.day) != (book, day.isoformat()):
        raise NotArmedError(f"expected {path} for book {book} and {day}, got {arming.book} and {arming.day}")
    return arming


def _read(directory: Path) -> Arming | None:
    try:
        return ARMING.decode((directory / FILE).read_bytes())
    except (OSError, LayoutError):
        return None


def _write(directory: Path, arming: Arming) -> Path:
    """Write the file, all or nothing: the executor reads it at any moment."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE
    fresh = path.with_suffix(".new")
    fresh.write_bytes(ARMING.encode(arming))
    fresh.replace(path)
    return path
