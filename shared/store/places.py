"""Names of places in a store, and how a finished file gets to its own; light enough for a process that only waits."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path


class Table(StrEnum):
    """What a store holds: snapshots and their legs, and every other event as it was."""

    SNAPSHOTS = "snapshots"
    LEGS = "legs"
    EVENTS = "events"


def day_folder(root: Path, table: Table, book: str, day: str) -> Path:
    """Name the folder of one day of one book."""
    return root / table.value / f"book={book}" / f"date={day}"


def replace_synced(unfinished: Path, place: Path) -> None:
    """Move a finished file to its place, its bytes and its name on disk."""
    descriptor = os.open(unfinished, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
