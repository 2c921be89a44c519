"""What past sessions left behind, as a file between the process that makes it and the one that tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from shared.errors import BadInputError
from shared.layouts import Layout


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """State of the features of a book after some stored days.

    Attributes:
        days: ISO dates it was made of, ascending.
        content: hash of the state.
        state: as the features checkpoint it.
    """

    book: str
    days: tuple[str, ...]
    content: str
    state: bytes


SEED: Final = Layout("modes.seed", Seed, encoding="msgpack")


def read_seed(path: Path) -> Seed:
    """Read a seed.

    Raises:
        BadInputError: it is not there.
        LayoutError: it is none.
    """
    try:
        return SEED.decode(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInputError("the history of a book", "none", str(path)) from error
