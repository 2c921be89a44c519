"""Days to training samples: the very features, strike choice and levels of trading, then what selling would have paid.

Chains go through the ingest gates and the features handler as in a replay; the traditional signal comes from the
predictor's handler, the strike and its levels from risk, the outcome from the executor's rules. There is no other path.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.features.families.registry import FEATURE_NAMES, SCHEMA, SCHEMA_ID
from services.features.handler import FeaturesHandler
from services.predictor.handler import PredictorHandler
from services.risk.protection import protect
from services.risk.strikes import ChosenStrike, choose_strike
from services.trainer.dataset.labels import QuotePath, ShortOrder, ShortOutcome, Venue, short_outcome
from services.trainer.dataset.samples import TrainingSamples
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ist_date
from shared.events import (
    ChainSnapshot,
    Contract,
    FeatureVector,
    OptionKind,
    QualityFlag,
    Signal,
)
from shared.market.chain import Parsed
from trading_system.installation import InstallationSettings

Floats = NDArray[np.float64]

_DIRECTIONS = (1, -1)
_KINDS = {1: OptionKind.PUT, -1: OptionKind.CALL}
_STALE = frozenset({QualityFlag.STALE, QualityFlag.FALLBACK})
_TICK = 0.05
_PATIENCE = 1.5
"""An entry waits at least this many of the day's usual gaps: sets of one page a quarter hour have no next minute."""


@dataclass
class LabelCounts:
    """What became of the moments looked at, by the reason there is no label."""

    vectors: int = 0
    labelled: int = 0
    outside_hours: int = 0
    stale: int = 0
    no_strike: int = 0
    not_filled: int = 0


@dataclass(frozen=True, slots=True)
class LabelRules:
    """How moments are labelled.

    Attributes:
        lots: sold per trade, for the costs.
        every: only every so-many-th vector of a session gets a label; neighbours say nearly the same.
    """

    lots: int = 1
    every: int = 1


@dataclass
class _Day:
    """What one session left behind."""

    vectors: list[FeatureVector] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    snapshots: list[ChainSnapshot] = field(default_factory=list)


def collect_days(
    items: Iterable[Parsed], house: InstallationSettings, rules: LabelRules, counts: LabelCounts
) -> Iterator[TrainingSamples]:
    """Give the samples of each session as it is complete.

    Args:
        items: parsed chains in order of time, any number of days.
        house: tables and settings; its risk and executor settings are the labels' rules.
        rules: how moments are labelled.
        counts: is added to.
    """
    ingest = house.ingest_handler("training")
    features = FeaturesHandler("training", house.features, house.calendar, house.contracts)
    predictor = PredictorHandler("training", house.predictor, SCHEMA)
    day, ordinal = _Day(), -1
    for item in items:
        for event in ingest.accept(item):
            if not isinstance(event, ChainSnapshot) or _STALE.intersection(event.quality):
                continue
            today = ist_date(event.header.ts).toordinal()
            if today != ordinal:
                if day.vectors:
                    yield _label(day, house, rules, counts)
                day, ordinal = _Day(), today
            for vector in features.handle(event):
                if not isinstance(vector, FeatureVector):
                    continue
                signal = predictor.handle(vector)[0]
                if isinstance(signal, Signal):
                    day.vectors.append(vector)
                    day.signals.append(signal)
                    day.snapshots.append(event)
    if day.vectors:
        yield _label(day, house, rules, counts)


def _label(day: _Day, house: InstallationSettings, rules: LabelRules, counts: LabelCounts) -> TrainingSamples:
    count = len(day.vectors)
    ts = np.array([vector.header.ts for vector in day.vectors], dtype=np.int64)
    net, points, known = np.full((count, 2), np.nan), np.full((count, 2), np.nan), ts.copy()
    quotes = _Quotes(day.snapshots, ts)
    patience = int(_PATIENCE * float(np.median(np.diff(ts)))) if count > 1 else 0
    for row in range(0, count, rules.every):
        outcomes = _outcomes(day, row, quotes, patience, house, rules, counts)
        if outcomes is None:
            continue
        counts.labelled += 1
        for side, outcome in enumerate(outcomes):
            net[row, side], points[row, side] = outcome.net_return, outcome.net
        known[row] = max(outcome.exit_ts for outcome in outcomes)
    counts.vectors += count
    values = [[np.nan if value is None else value for value in vector.values] for vector in day.vectors]
    return TrainingSamples(
        schema_id=SCHEMA_ID,
        features=FEATURE_NAMES,
        ts=ts,
        day=np.full(count, ist_date(int(ts[0])).toordinal(), dtype=np.int64),
        values=np.array(values, dtype=np.float64),
        net=net,
        points=points,
        known=known,
        rule=np.array([signal.direction for signal in day.signals], dtype=np.int64),
    )


def _outcomes(
    day: _Day,
    row: int,
    quotes: _Quotes,
    patience: int,
    house: InstallationSettings,
    rules: LabelRules,
    counts: LabelCounts,
) -> tuple[ShortOutcome, ShortOutcome] | None:
    market, risk = day.vectors[row].market, house.risk
    early = market.minutes_from_open < risk.no_entry_first_minutes
    if early or market.minutes_to_close < risk.no_entry_last_minutes:
        counts.outside_hours += 1
        return None
    chosen = [_choose(day, row, direction, house) for direction in _DIRECTIONS]
    if chosen[0] is None or chosen[1] is None:
        counts.no_strike += 1
        return None
    outcomes = [
        short_outcome(
            quotes.path(strike.quote.contract),
            row,
            _order(strike, day.vectors[row], patience, house, rules),
            Venue(house.executor.impact_points, house.executor.brokerage_per_order, house.costs),
            ist_date(day.vectors[row].header.ts),
        )
        for strike in chosen
        if strike is not None
    ]
    if outcomes[0] is None or outcomes[1] is None:
        counts.not_filled += 1
        return None
    return outcomes[0], outcomes[1]


def _choose(day: _Day, row: int, direction: int, house: InstallationSettings) -> ChosenStrike | None:
    vector = day.vectors[row]
    candidates = tuple(quote for quote in vector.market.candidates if quote.contract.kind is _KINDS[direction])
    asked = msgspec.structs.replace(
        day.signals[row],
        direction=direction,
        market=msgspec.structs.replace(vector.market, candidates=candidates),
    )
    chosen = choose_strike(asked, house.risk)
    return chosen if isinstance(chosen, ChosenStrike) else None


def _order(
    chosen: ChosenStrike, vector: FeatureVector, patience: int, house: InstallationSettings, rules: LabelRules
) -> ShortOrder:
    risk, market, ts = house.risk, vector.market, vector.header.ts
    levels = protect(chosen.bid, market.atm_iv, risk)
    session = house.calendar.session(ist_date(ts))
    close_ns = session.close_ns if session is not None else ts
    return ShortOrder(
        limit=max(round(int(chosen.bid * (1.0 - risk.limit_buffer) / _TICK + 1e-9) * _TICK, 2), _TICK),
        stop=levels.stop,
        target=levels.target,
        trail=levels.trail,
        valid_until_ns=ts + max(int(risk.order_valid_seconds * NS_PER_SECOND), patience),
        time_exit_ns=ts + int(risk.max_holding_minutes * NS_PER_MINUTE),
        square_off_ns=close_ns - int(house.executor.square_off_minutes * NS_PER_MINUTE),
        lots=rules.lots,
        lot_size=market.lot_size,
    )


class _Quotes:
    """Quote paths of single contracts over one session, each put together once."""

    def __init__(self, snapshots: list[ChainSnapshot], ts: NDArray[np.int64]) -> None:
        self._snapshots = snapshots
        self._ts = ts
        self._paths: dict[Contract, QuotePath] = {}

    def path(self, contract: Contract) -> QuotePath:
        """Give the quotes of a contract at every snapshot, NaN where it shows none."""
        found = self._paths.get(contract)
        if found is None:
            pairs = np.array([_quote(snapshot, contract) for snapshot in self._snapshots], dtype=np.float64)
            found = self._paths[contract] = QuotePath(self._ts, pairs[:, 0], pairs[:, 1])
        return found


def _quote(snapshot: ChainSnapshot, contract: Contract) -> tuple[float, float]:
    for chain in snapshot.expiries:
        if chain.expiry != contract.expiry:
            continue
        at = bisect_left(chain.strikes, contract.strike)
        if at < len(chain.strikes) and chain.strikes[at] == contract.strike:
            leg = chain.call if contract.kind is OptionKind.CALL else chain.put
            return leg.bid[at] or np.nan, leg.ask[at] or np.nan
    return np.nan, np.nan
