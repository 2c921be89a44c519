"""The features of one book: one vector for each chain snapshot, from it and what came before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from services.features.families.registry import SCHEMA_ID, feature_set
from services.features.market_view import market_view
from services.features.settings import FeaturesSettings
from services.features.state.cross_section import cross_section
from services.features.state.expiries import ExpiryCloses
from services.features.state.history import MarketHistory
from shared.clock import from_ns, ist_date
from shared.errors import BadInputError, NoSessionError
from shared.events import ChainSnapshot, Event, FeatureVector, HistorySeeded
from shared.events.upcasting import unchanged
from shared.ids import content_hash
from shared.layouts import Layout
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.participant_files import NOTHING_PUBLISHED, PublishedPositions
from shared.market.variance_clock import VarianceClock


class _State(msgspec.Struct):
    """What a checkpoint holds: the built-in schema it belongs to, and the history of each underlying.

    Families that are added read the same history, so that adding one loses none of it.
    """

    schema_id: str
    histories: dict[str, MarketHistory]


_IN_CONTRACTS: Final = frozenset({"d0e7c2ec708fe15a4ecc9183af870cbe", "907ba4dbada7b85442af9c80cd771c3f"})
"""Schemas whose state is taken up: v0.1.0's, with volatilities of the calendar's clock in it, and the one after it. Both
counted the volume of past sessions in contracts."""

_STATE: Final = Layout("features.state", _State, version=2, upcasters={1: unchanged}, encoding="msgpack")


class FeaturesHandler:
    """Turns the chain snapshots of one book into feature vectors.

    Args:
        book: key of the events it sees.
        settings: which families are added, and how much of the chain travels on.
        calendar: sessions.
        contracts: lot sizes.
        clock: what volatilities are counted by.
        positions: of the desks by day, as far as reports of them were provided.
    """

    def __init__(
        self,
        book: str,
        settings: FeaturesSettings,
        calendar: TradingCalendar,
        contracts: ContractTable,
        clock: VarianceClock,
        positions: PublishedPositions = NOTHING_PUBLISHED,
    ) -> None:
        self._book = book
        self._settings = settings
        self._features = feature_set(settings.families)
        self._calendar = calendar
        self._contracts = contracts
        self._clock = clock
        self._positions = positions
        self._closes = ExpiryCloses(calendar)
        self._histories: dict[str, MarketHistory] = {}

    def handle(self, event: Event) -> Sequence[Event]:
        """Answer a ChainSnapshot with its FeatureVector, anything else with nothing; take history in while there is none.

        Raises:
            NoSessionError: the snapshot's day has no session.
            TableError: a table does not cover its day or its underlying.
            BadInputError: its columns are not what a chain promises, or a history is not what its hash says.
            LayoutError: a history is no state of features, or of a newer version.
            ValueError: it is of another schema.
        """
        if isinstance(event, HistorySeeded):
            self._seed(event)
        return (self._vector(event),) if isinstance(event, ChainSnapshot) else ()

    def checkpoint(self) -> bytes:
        """Give the state, NaN and every bit of every number included."""
        return _STATE.encode(_State(SCHEMA_ID, self._histories))

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described.

        Raises:
            LayoutError: the bytes are no state of features, or of a newer version.
            ValueError: they are of another schema.
        """
        found = _STATE.decode(state)
        if found.schema_id not in {SCHEMA_ID, *_IN_CONTRACTS}:
            raise ValueError(f"expected a state of features schema {SCHEMA_ID}, got one of {found.schema_id}")
        self._histories = found.histories
        if found.schema_id != SCHEMA_ID:
            for underlying, history in self._histories.items():
                self._count_in_units(underlying, history)

    def _count_in_units(self, underlying: str, history: MarketHistory) -> None:
        """Take up what counted contracts; past sessions are taken to have had the lot of the newest."""
        running = history.intraday
        if running is not None:
            day = date.fromordinal(running.day)
            running.lot_size = self._contracts.lot_size(underlying, date.fromisoformat(running.expiry), day)
            history.daily.count_in_units(running.lot_size)

    def _seed(self, seeded: HistorySeeded) -> None:
        if content_hash(seeded.state) != seeded.content:
            raise BadInputError(f"history with the hash {seeded.content}", content_hash(seeded.state), seeded.header.id)
        # What was seen here goes before what another process read somewhere.
        if not self._histories:
            self.restore(seeded.state)

    def _vector(self, snapshot: ChainSnapshot) -> FeatureVector:
        ts = snapshot.header.ts
        day = ist_date(ts)
        session = self._calendar.session(day)
        if session is None:
            raise NoSessionError("a snapshot on a trading day", f"{from_ns(ts):%d-%b-%Y %H:%M:%S}", snapshot.header.id)
        expiries = self._closes.alive(snapshot.expiries, ts)
        lot_size = self._contracts.lot_size(snapshot.underlying, expiries[0].day if expiries else day, day)
        now = cross_section(snapshot, session, expiries, lot_size, self._clock, self._positions.before(day))
        history = self._histories.setdefault(snapshot.underlying, MarketHistory())
        history.advance(now, self._calendar)
        return FeatureVector(
            header=snapshot.header.child("features"),
            schema_id=self._features.schema.id,
            values=self._features.compute(now, history.seen_by(now)),
            market=market_view(now, self._settings.candidate_strikes),
        )
