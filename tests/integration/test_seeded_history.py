"""Features of several days begin with the store's history: as if they had seen the days, and no matter how many more."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from services.features.bootstrap import features_service
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import ist_date
from shared.errors import BadInputError
from shared.events import FeatureVector, Header, HistorySeeded
from shared.market.chain import ParsedChain
from shared.store.writer import StoreWriter
from shared.streaming.protocol.handler import Handler
from trading_system.modes.history import make_seed, write_seed
from trading_system.modes.seed_form import Seed, read_seed
from trading_system.wiring import Installation

BOOK = "nifty"
DAYS = 26
HOUSE = Installation.load({})
EVERY = 15
"""One chain in so many minutes: windows of days are what is tested here, not those of minutes."""


@dataclass(frozen=True)
class History:
    """A store of days, the day after them, and the vectors of features that have seen all of it."""

    store: Path
    day: str
    today: tuple[ParsedChain, ...]
    vectors: tuple[FeatureVector, ...]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    store = tmp_path_factory.mktemp("history") / "store"
    chains = [chain for number, chain in enumerate(synthetic_days(5, DAYS + 1, strikes=21)) if number % EVERY == 0]
    days = [tuple(each) for _, each in groupby(chains, key=lambda chain: ist_date(chain.stamp_ns))]
    writer = StoreWriter(store, BOOK)
    for chain in chains[: -len(days[-1])]:
        writer.put_chain(chain)
    writer.close()
    vectors = computed(tuple(chains), features())[-len(days[-1]) :]
    return History(store, ist_date(days[-1][0].stamp_ns).isoformat(), days[-1], tuple(vectors))


def features() -> Handler:
    service = features_service(HOUSE.features, HOUSE.calendar, HOUSE.contracts, HOUSE.clock, HOUSE.positions)
    return service.make(BOOK)


def computed(chains: tuple[ParsedChain, ...], handler: Handler) -> list[FeatureVector]:
    gates = HOUSE.ingest_handler(BOOK)
    made = [out for chain in chains for event in gates.accept(chain) for out in handler.handle(event)]
    return [vector for vector in made if isinstance(vector, FeatureVector)]


def told(seed: Seed) -> HistorySeeded:
    header = Header.root(book=BOOK, ts=1, seq=0, producer="offline", suffix="history")
    return HistorySeeded(header=header, days=seed.days, content=seed.content, state=seed.state)


def after(seed: Seed, history: History) -> list[tuple[float | None, ...]]:
    handler = features()
    assert handler.handle(told(seed)) == ()
    return [vector.values for vector in computed(history.today, handler)]


def test_a_day_after_the_seed_is_as_after_the_days_themselves(history: History):
    seeded = after(make_seed(history.store, BOOK, history.day, HOUSE), history)
    assert seeded == [vector.values for vector in history.vectors]
    unseeded = [vector.values for vector in computed(history.today, features())]
    known = [sum(value is not None for value in values) for values in (seeded[-1], unseeded[-1])]
    assert known[0] > known[1], "no feature of several days is among them"


def test_more_history_than_the_longest_window_changes_nothing(history: History):
    fewer = make_seed(history.store, BOOK, history.day, HOUSE, sessions=22)
    more = make_seed(history.store, BOOK, history.day, HOUSE, sessions=DAYS)
    assert len(more.days) == DAYS
    assert (fewer.content, fewer.state) == (more.content, more.state)
    less = make_seed(history.store, BOOK, history.day, HOUSE, sessions=15)
    assert less.content != more.content, "the hash must tell two stores apart"


def test_nothing_of_the_day_itself_or_later_is_read(history: History):
    first = history.day[:8]
    earlier = make_seed(history.store, BOOK, history.day, HOUSE).days[10]
    assert all(day < earlier for day in make_seed(history.store, BOOK, earlier, HOUSE).days)
    with pytest.raises(BadInputError, match="a stored day of nifty before"):
        make_seed(history.store, BOOK, f"{int(first[:4]) - 1}{first[4:]}01", HOUSE)


def test_what_was_seen_goes_before_what_is_told(history: History):
    seed = make_seed(history.store, BOOK, history.day, HOUSE, sessions=3)
    handler = features()
    computed(history.today[:3], handler)
    before = handler.checkpoint()
    handler.handle(told(seed))
    assert handler.checkpoint() == before


def test_a_history_that_is_not_what_its_hash_says_is_refused(history: History, tmp_path: Path):
    seed = make_seed(history.store, BOOK, history.day, HOUSE, sessions=2)
    with pytest.raises(BadInputError, match="history with the hash"):
        features().handle(told(msgspec.structs.replace(seed, state=seed.state + b" ")))
    assert read_seed(tmp_path / write_seed(tmp_path, seed)) == seed
    with pytest.raises(BadInputError, match="the history of a book"):
        read_seed(tmp_path / "none")
