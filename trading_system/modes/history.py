"""Makes the history that features of several days need, out of the store."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.features.bootstrap import features_service
from shared import ids
from shared.errors import BadInputError
from shared.store.places import replace_synced
from shared.store.store import Store
from trading_system.installation import InstallationSettings
from trading_system.modes.seed_form import SEED, Seed

SESSIONS: Final = 25
"""Stored sessions a history is made of: the longest window of a feature is 20, and its first needs the night before it."""


def make_seed(store: Path, book: str, day: str, house: InstallationSettings, sessions: int = SESSIONS) -> Seed:
    """Run the features over the newest sessions stored before a day.

    Args:
        store: folder of the recorded days.
        book: key of the events.
        day: ISO date; nothing of it or later is read.
        house: tables and settings.
        sessions: how many.

    Raises:
        BadInputError: no day before it is stored.
    """
    archive = Store(store)
    days = [one.day for one in archive.days(book) if one.day < day][-sessions:]
    if not days:
        raise BadInputError(f"a stored day of {book} before {day}", "none", str(store))
    service = features_service(house.features, house.calendar, house.contracts, house.clock, house.positions)
    handler = service.make(book)
    gates = house.ingest_handler(book)
    for each in days:
        for chain in archive.read_day(each, book):
            for event in gates.accept(chain):
                handler.handle(event)
    state = handler.checkpoint()
    return Seed(book=book, days=tuple(days), content=ids.content_hash(state), state=state)


def write_seed(folder: Path, seed: Seed) -> str:
    """Store a seed whole or not at all under the name of its content; give its path below the folder."""
    name = f"{seed.book}/history-{seed.content}.seed"
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".unfinished")
    unfinished.write_bytes(SEED.encode(seed))
    replace_synced(unfinished, place)
    return name
