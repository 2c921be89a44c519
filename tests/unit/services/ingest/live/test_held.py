"""The feed knows which expiries the book holds, and keeps what it knew while the broker is away."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import msgspec

from services.ingest.live.held import BookExpiries
from shared.errors import BrokerUnavailableError
from shared.events import BookState
from tests.builders import PUT, at, entry_order, snapshot
from tests.unit.services.executor.random_market import Desk


class Broker:
    """Has one book, and can be away."""

    def __init__(self, newest: BookState | None) -> None:
        self.newest = newest
        self.away = False

    def history(self) -> Broker:
        return self

    def newest_of(self, _kind: type[BookState], _book: str) -> BookState | None:
        if self.away:
            raise BrokerUnavailableError("away")
        return self.newest

    def reset(self) -> None:
        """Nothing is open."""


def test_it_gives_the_expiries_of_what_is_held_and_remembers_them():
    desk = Desk()
    quotes = {24500.0: (100.0, 100.5)}
    desk.feed(snapshot(1, at(10, 0), puts=quotes))
    desk.feed(entry_order(1, at(10, 0), kind=PUT, signal_id="s"))
    desk.feed(snapshot(2, at(10, 1), puts=quotes))
    assert desk.book is not None
    broker = Broker(None)
    held = BookExpiries(cast("Any", broker), "nifty")
    assert held() == frozenset()
    broker.newest = desk.book
    assert held() == {date(2025, 9, 2)}
    broker.away = True
    assert held() == {date(2025, 9, 2)}
    broker.away = False
    broker.newest = msgspec.structs.replace(desk.book, positions=())
    assert held() == frozenset()
