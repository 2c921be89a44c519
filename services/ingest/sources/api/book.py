"""One level of an order book, as both APIs write it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.ingest.formats.columns import Number


class BookLevel(msgspec.Struct):
    """Units at a price; a level without orders is all zeros."""

    price: float | None = None
    quantity: Number = None


def best_level(levels: Sequence[BookLevel]) -> BookLevel:
    """Give the first level, an empty one where there is none."""
    return levels[0] if levels else BookLevel()
