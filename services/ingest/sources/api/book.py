"""One level of an order book, as both APIs write it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from services.ingest.formats.columns import LARGEST_COUNT

Units = (
    Annotated[int, msgspec.Meta(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]
    | Annotated[float, msgspec.Meta(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]
    | None
)
"""A count that a market can have: an absurd one makes its own instrument unreadable, and no other."""


class BookLevel(msgspec.Struct):
    """Units at a price; a level without orders is all zeros."""

    price: float | None = None
    quantity: Units = None


def best_level(levels: Sequence[BookLevel]) -> BookLevel:
    """Give the first level, an empty one where there is none."""
    return levels[0] if levels else BookLevel()
