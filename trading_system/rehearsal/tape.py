"""What the market of a rehearsal does: chains in time order, recorded or made up."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

from services.ingest.sources.synthetic.source import synthetic_days
from shared.errors import BadInputError
from shared.market.calendar import TradingCalendar
from shared.market.chain import ParsedChain
from shared.store.places import Table, day_folder
from shared.store.store import Store
from trading_system.modes.history import SESSIONS

_SEED: Final = 7
_DAYS: Final = 2
_EXPIRIES: Final = 3


class Tape:
    """Chains in time order; after the last one the site goes on showing it.

    Args:
        chains: at least one.
    """

    def __init__(self, chains: Iterable[ParsedChain]) -> None:
        self.chains = tuple(chains)
        self._stamps = [chain.stamp_ns for chain in self.chains]

    def at(self, now_ns: int) -> ParsedChain:
        """Give the newest chain at a moment, ns UTC, the first one before it begins."""
        return self.chains[max(bisect_right(self._stamps, now_ns) - 1, 0)]


def copy_history(day: date, store: Path, into: Path, book: str) -> int:
    """Copy what history is made of, the newest days before a day, into another store; give their number."""
    days = [one.day for one in Store(store).days(book) if one.day < day.isoformat()][-SESSIONS:]
    for each in days:
        for table in (Table.SNAPSHOTS, Table.LEGS):
            shutil.copytree(
                day_folder(store, table, book, each), day_folder(into, table, book, each), dirs_exist_ok=True
            )
    return len(days)


def tape_of(day: date, store: Path, book: str, calendar: TradingCalendar) -> tuple[Tape, str]:
    """Give a day and the one after it: as they were recorded, or of the synthetic market where the first is not stored.

    Returns:
        the tape, and in words what it is.

    Raises:
        BadInputError: the day has no session.
    """
    if calendar.session(day) is None:
        raise BadInputError("a trading day", day.isoformat(), "--rehearse")
    house = Store(store)
    stored = [one.day for one in house.days(book) if one.day >= day.isoformat()][:_DAYS]
    if stored[:1] == [day.isoformat()]:
        chains = [chain for one in stored for chain in house.read_day(one, book)]
        return Tape(chains), f"recorded, {', '.join(stored)}"
    made = synthetic_days(_SEED, _DAYS, start=day, expiries=_EXPIRIES, calendar=calendar)
    return Tape(made), f"synthetic, {_DAYS} days from {day}"
