"""The second of the two confirmations live trading needs: a file an operator writes for one day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from shared.errors import LayoutError, NotArmedError
from shared.layouts import Layout

FILE = "armed.json"


class Arming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who armed which book for which day (ISO date)."""

    book: str
    day: str
    operator: str


ARMING: Final = Layout("arming", Arming)
"""How the confirmation is stored."""


def arm(directory: Path, arming: Arming) -> Path:
    """Arm a book for a day; give the file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE
    path.write_bytes(ARMING.encode(arming))
    return path


def disarm(directory: Path) -> None:
    """Take the confirmation back."""
    (directory / FILE).unlink(missing_ok=True)


def check_armed(directory: Path, book: str, day: date) -> Arming:
    """Give the confirmation for a book and a day.

    Raises:
        NotArmedError: there is none; says what to do.
    """
    path = directory / FILE
    try:
        arming = ARMING.decode(path.read_bytes())
    except OSError as error:
        raise NotArmedError(
            f"expected {path} written for book {book} and {day}, got none: live is not armed"
        ) from error
    except LayoutError as error:
        raise NotArmedError(f"expected book, day and operator in {path}, got {error}") from error
    if (arming.book, arming.day) != (book, day.isoformat()):
        raise NotArmedError(f"expected {path} for book {book} and {day}, got {arming.book} and {arming.day}")
    return arming
