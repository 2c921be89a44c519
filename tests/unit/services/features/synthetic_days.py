"""Chain snapshots for feature tests, made from the synthetic market, whole or with the faults of real feeds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import numpy as np

from services.features.handler import FeaturesHandler
from services.features.settings import FeaturesSettings
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND
from shared.events import ChainSnapshot, ExpiryChain, FeatureVector, Header, LegColumns
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.participant_files import DeskPositions, PublishedPositions
from shared.market.variance_clock import VarianceClock

CALENDAR = TradingCalendar.load()
CONTRACTS = ContractTable.load()
CLOCK = VarianceClock.load(CALENDAR)
START = date(2026, 6, 1)


def desks_at(day: date) -> DeskPositions:
    """Make up how the desks stood at the close of a day, another way each day."""
    number = day.toordinal()
    return DeskPositions(calls=(number % 7 - 3) / 10, puts=(number % 5 - 2) / 10)


POSITIONS = PublishedPositions(
    {day: desks_at(day) for day in (START + timedelta(days=n) for n in range(-10, 120)) if day.weekday() < 5}
)

PRICE_COLUMNS = ("bid", "ask", "ltp")
COUNT_COLUMNS = ("bid_qty", "ask_qty", "volume", "oi", "oi_change")


def new_handler(contracts: ContractTable = CONTRACTS) -> FeaturesHandler:
    """Make a handler that has seen nothing."""
    return FeaturesHandler("nifty", FeaturesSettings(), CALENDAR, contracts, CLOCK, POSITIONS)


def made_days(days: int, *, seed: int = 5, strikes: int = 61, expiries: int = 2) -> list[ChainSnapshot]:
    """Make snapshots of whole sessions, one a minute."""
    chains = synthetic_days(seed, days, start=START, strikes=strikes, expiries=expiries)
    return [
        ChainSnapshot(
            header=Header.root(book="nifty", ts=chain.stamp_ns, seq=seq, producer="ingest"),
            underlying=chain.underlying,
            received_ns=None,
            spot=chain.spot,
            vix=0.13,
            expiries=chain.expiries,
            source=chain.source,
        )
        for seq, chain in enumerate(chains, start=1)
    ]


def thinned(snapshots: Sequence[ChainSnapshot], every: int) -> list[ChainSnapshot]:
    """Keep the first of each `every` snapshots and the last of each session."""
    days = [snapshot.header.ts // (1440 * NS_PER_MINUTE) for snapshot in snapshots]
    last = [n for n, (day, following) in enumerate(zip(days, [*days[1:], None], strict=True)) if day != following]
    kept = sorted({*range(0, len(snapshots), every), *last})
    return [snapshots[n] for n in kept]


def roughened(snapshots: Sequence[ChainSnapshot], seed: int) -> list[ChainSnapshot]:
    """Give a feed its faults: uneven stamps, several in a minute, holes short and long, numbers missing."""
    rng = np.random.default_rng(seed)
    rough: list[ChainSnapshot] = []
    hole = 0
    for snapshot in snapshots:
        hole = hole - 1 if hole else int(rng.choice([0, 0, 2, 14], p=[0.95, 0.03, 0.015, 0.005]))
        if hole:
            continue
        repeats = int(rng.choice([1, 2, 3], p=[0.8, 0.15, 0.05]))
        base = snapshot.header.ts // NS_PER_MINUTE * NS_PER_MINUTE
        for second in sorted(rng.choice(59, size=repeats, replace=False)):
            ts = int(base + (second + 1) * NS_PER_SECOND)
            moved = tuple(_holed(chain, rng) for chain in snapshot.expiries)
            header = Header.root(book="nifty", ts=ts, seq=len(rough) + 1, producer="ingest")
            spot = snapshot.spot if rng.random() > 0.1 else None
            rough.append(msgspec.structs.replace(snapshot, header=header, expiries=moved, spot=spot))
    return rough


def scaled(snapshot: ChainSnapshot, factor: float) -> ChainSnapshot:
    """Multiply every price and strike by a factor."""
    return msgspec.structs.replace(
        snapshot,
        spot=None if snapshot.spot is None else snapshot.spot * factor,
        expiries=tuple(
            msgspec.structs.replace(
                chain,
                strikes=tuple(strike * factor for strike in chain.strikes),
                call=_scaled_side(chain.call, factor),
                put=_scaled_side(chain.put, factor),
            )
            for chain in snapshot.expiries
        ),
    )


def features_of(snapshots: Sequence[ChainSnapshot], handler: FeaturesHandler | None = None) -> list[FeatureVector]:
    """Run snapshots through a handler, a new one unless given."""
    running = handler or new_handler()
    vectors = []
    for snapshot in snapshots:
        (vector,) = running.handle(snapshot)
        assert isinstance(vector, FeatureVector)
        vectors.append(vector)
    return vectors


def table_of(vectors: Sequence[FeatureVector]) -> np.ndarray:
    """Lay vectors out as (vector, feature), NaN where missing."""
    return np.array([vector.values for vector in vectors], dtype=np.float64)


def _holed(chain: ExpiryChain, rng: np.random.Generator) -> ExpiryChain:
    return msgspec.structs.replace(chain, call=_holed_side(chain.call, rng), put=_holed_side(chain.put, rng))


def _holed_side(side: LegColumns, rng: np.random.Generator) -> LegColumns:
    missing = rng.random((len(PRICE_COLUMNS) + len(COUNT_COLUMNS), len(side.bid))) < 0.04
    changed = {
        name: tuple(None if gone else value for value, gone in zip(getattr(side, name), lost, strict=True))
        for name, lost in zip((*PRICE_COLUMNS, *COUNT_COLUMNS), missing, strict=True)
    }
    return msgspec.structs.replace(side, **changed)


def _scaled_side(side: LegColumns, factor: float) -> LegColumns:
    changed = {
        name: tuple(None if value is None else value * factor for value in getattr(side, name))
        for name in PRICE_COLUMNS
    }
    return msgspec.structs.replace(side, **changed)
