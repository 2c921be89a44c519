"""Days to training samples: the very features, strike choice and levels of trading, then what selling would have paid.

Chains go through the ingest gates and the features handler as in a replay; the signal of the rule comes from the
predictor's handler, the strike and its levels from risk, the outcome from the executor's rules. There is no other path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.features.handler import FeaturesHandler
from services.predictor.handler import PredictorHandler
from services.predictor.strategies.bundles import ModelSource
from services.predictor.strategies.port import StrategyContext
from services.predictor.strategies.registry import strategies
from services.trainer.dataset.labels import PaperTerms, QuotePath, ShortOrder, ShortOutcome, short_outcome
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
from shared.models.feature_schema import FeatureSchema
from shared.trading.levels import protect, sale_limit
from shared.trading.mark_to_market import Marker, forward_of, quote_volatility, theoretical_price
from shared.trading.position import ForwardSeen
from shared.trading.quotes import Quote, quote_of
from shared.trading.settlement import averaged_level, last_day
from shared.trading.square_off import SquareOff
from shared.trading.strikes import ChosenStrike, choose_strike
from trading_system.installation import InstallationSettings

Floats = NDArray[np.float64]

_DIRECTIONS = (1, -1)
_KINDS = {1: OptionKind.PUT, -1: OptionKind.CALL}
_STALE = frozenset({QualityFlag.STALE, QualityFlag.FALLBACK})
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
    not_closed: int = 0


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
    schema = house.schema()
    models = ModelSource(house.predictor.models, schema.id, "none")
    context = StrategyContext("training", house.predictor, schema, models)
    features = FeaturesHandler(
        "training", house.features, house.calendar, house.contracts, house.clock, house.positions
    )
    predictor = PredictorHandler(context, strategies().get(judged_strategy(house))(context))
    day, ordinal = _Day(), -1
    for item in items:
        for event in ingest.accept(item):
            if not isinstance(event, ChainSnapshot) or _STALE.intersection(event.quality):
                continue
            today = ist_date(event.header.ts).toordinal()
            if today != ordinal:
                if day.vectors:
                    yield _label(day, schema, house, rules, counts)
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
        yield _label(day, schema, house, rules, counts)


def judged_strategy(house: InstallationSettings) -> str:
    """Name the strategy that a model is judged beside: the predictor's own, or the rule the ensemble falls back on."""
    return "traditional" if house.predictor.strategy == "ensemble" else house.predictor.strategy


def _label(
    day: _Day, schema: FeatureSchema, house: InstallationSettings, rules: LabelRules, counts: LabelCounts
) -> TrainingSamples:
    count = len(day.vectors)
    ts = np.array([vector.header.ts for vector in day.vectors], dtype=np.int64)
    net, points, known = np.full((count, 2), np.nan), np.full((count, 2), np.nan), ts.copy()
    quotes = _Quotes(day.snapshots, house)
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
        schema_id=schema.id,
        features=schema.names,
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
            PaperTerms(house.executor, house.contracts, house.costs),
        )
        for strike in chosen
        if strike is not None
    ]
    if any(outcome is None for outcome in outcomes):
        counts.not_filled += 1
        return None
    ended = [outcome for outcome in outcomes if isinstance(outcome, ShortOutcome)]
    if len(ended) != len(_DIRECTIONS):
        counts.not_closed += 1
        return None
    return ended[0], ended[1]


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
    square_off = SquareOff(house.executor, house.calendar).at(session, chosen.quote.contract)
    return ShortOrder(
        contract=chosen.quote.contract,
        limit_price=sale_limit(chosen.bid, risk),
        stop_price=levels.stop,
        target_price=levels.target,
        trail_points=levels.trail,
        valid_until_ns=ts + max(int(risk.order_valid_seconds * NS_PER_SECOND), patience),
        time_exit_ns=ts + int(risk.max_holding_minutes * NS_PER_MINUTE),
        square_off_ns=square_off,
        lots=rules.lots,
        lot_size=market.lot_size,
    )


class _Quotes:
    """Quote paths of single contracts over one session, each put together once."""

    def __init__(self, snapshots: list[ChainSnapshot], house: InstallationSettings) -> None:
        self._snapshots = snapshots
        self._ts = tuple(snapshot.header.ts for snapshot in snapshots)
        self._marker = Marker(house.executor, house.calendar, house.contracts, house.clock, house.quotes)
        self._calendar = house.calendar
        self._settlement = _settlement_level(snapshots, house)
        self._paths: dict[Contract, QuotePath] = {}
        self._forwards: dict[tuple[str, str], tuple[float | None, ...]] = {}

    def path(self, contract: Contract) -> QuotePath:
        """Give the quotes of a contract at every snapshot."""
        found = self._paths.get(contract)
        if found is None:
            quotes = tuple(quote_of(snapshot, contract, self._marker.bounds) for snapshot in self._snapshots)

            def theoretical(row: int, measured: int) -> float | None:
                return self._theoretical(contract, quotes[measured], row, measured)

            ends = last_day(contract, self._calendar) <= ist_date(self._ts[0])
            found = self._paths[contract] = QuotePath(contract, self._ts, quotes, self._settlement, ends, theoretical)
        return found

    def _theoretical(self, contract: Contract, quote: Quote, row: int, measured: int) -> float | None:
        forwards = self._forwards_of(contract)
        then, now = forwards[measured], forwards[row]
        if then is None:
            return None
        found = quote_volatility(contract, quote, then, self._marker.years(contract, self._ts[measured]))
        volatility = None if found is None else float(found.volatility)
        return theoretical_price(contract, now, volatility, self._marker.years(contract, self._ts[row]))

    def _forwards_of(self, contract: Contract) -> tuple[float | None, ...]:
        key = (contract.underlying, contract.expiry)
        if key not in self._forwards:
            seen: dict[str, ForwardSeen] = {}
            self._forwards[key] = tuple(
                forward_of(snapshot, contract.expiry, seen, self._marker.bounds) for snapshot in self._snapshots
            )
        return self._forwards[key]


def _settlement_level(snapshots: list[ChainSnapshot], house: InstallationSettings) -> float | None:
    """Average the index over the session's last half hour as the executor gathers it, None where an auction decides."""
    session = house.calendar.session(ist_date(snapshots[0].header.ts))
    levels = [level for one in snapshots if (level := averaged_level(one, session)) is not None]
    return sum(levels) / len(levels) if levels else None
