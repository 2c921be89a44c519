"""Forecasts no member and no stacker had seen, and the ensemble that is built on them.

Everything that is learned for a test stretch, scaling, regimes, members, stacker, calibration and conformal bounds
included, is learned from labels known before the stretch begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan, fit_members
from services.trainer.members.stacker import fit_meta
from shared.clock import NS_PER_MINUTE
from shared.errors import NoTrainingDataError
from shared.models.conformal import ConformalSets
from shared.models.drift import DriftReference
from shared.models.ensemble import Ensemble, SideEconomics, SideModel
from shared.models.stacking import MetaWeights, sigmoid
from shared.models.validation import LabelIntervals, walk_forward

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""

_SIDES = 2
_META_FOLDS = 4


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What members and stacker said of samples none of them had seen.

    Attributes:
        rows: of the samples, ascending.
        outputs: of the members, shape (rows, sides, members).
        regimes: filtered probabilities, shape (rows, regimes).
        fold: walk-forward stretch, shape (rows,).
        probability: of the stacked ensemble, shape (rows, sides); NaN in the first stretch.
        certain: conformal set holds "pays" alone, shape (rows, sides).
        expected: expected net return, shape (rows, sides); NaN in the first stretch.
        base_rate: share of earlier samples that paid, shape (rows, sides): the baseline forecast.
        members: names, in order of the outputs.
    """

    rows: Integers
    outputs: Floats
    regimes: Floats
    fold: Integers
    probability: Floats
    certain: NDArray[np.bool_]
    expected: Floats
    base_rate: Floats
    members: tuple[str, ...]

    @property
    def judged(self) -> Integers:
        """Positions with a forecast of the whole ensemble."""
        return np.flatnonzero(np.isfinite(self.probability).all(axis=1))


def forecast_walk_forward(samples: TrainingSamples, plan: TrainingPlan, progress: Progress) -> Forecasts:
    """Forecast each stretch with members fitted before it and a stacker fitted on the forecasts of earlier ones."""
    labelled = samples.labelled
    if labelled.size == 0:
        raise NoTrainingDataError("expected samples with outcomes, got none")
    intervals = LabelIntervals(samples.ts[labelled], samples.known[labelled])
    embargo = int(plan.embargo_minutes * NS_PER_MINUTE)
    splits = list(
        walk_forward(intervals, samples.day[labelled], folds=plan.folds, min_train=plan.min_train, embargo_ns=embargo)
    )
    parts: list[Forecasts] = []
    for number, split in enumerate(splits):
        progress("walk-forward", number, len(splits) + 1)
        train, test = labelled[split.train], labelled[split.test]
        members = fit_members(samples, train, plan)
        outputs = members.outputs(samples, test)
        regimes = members.regime_probabilities(samples, test)
        names = tuple(member.name for member in members.served)
        parts.append(_forecast(samples, parts, train, test, outputs, regimes, names, number, plan))
    return _joined(parts)


def fit_ensemble(samples: TrainingSamples, forecasts: Forecasts, plan: TrainingPlan, version: str = "") -> Ensemble:
    """Fit the members on everything and the stacker on all out-of-fold forecasts."""
    rows = samples.labelled
    members = fit_members(samples, rows, plan)
    drift = DriftReference.fit(samples.values, members.scaler.transform(samples.values), samples.vectors_per_session)
    sides = []
    every = np.ones(forecasts.rows.size, dtype=bool)
    for side, (meta, conformal) in enumerate(_fit_meta(samples, forecasts, every, plan)):
        economics = economics_of(samples.net[rows, side], samples.weight[rows])
        sides.append(SideModel(meta, conformal, economics))
    return Ensemble(
        version=version,
        schema_id=samples.schema_id,
        features=samples.features,
        trained_until=int(samples.known[rows].max()),
        vectors_per_session=samples.vectors_per_session,
        scaler=members.scaler,
        members=members.served,
        regimes=members.regimes,
        drift=drift,
        sides=(sides[0], sides[1]),
    )


def economics_of(net: Floats, weights: Floats) -> SideEconomics:
    """Give what a side earned on average when it paid and when it did not, from net returns, shape (rows,)."""
    paid = net > 0.0
    win = float(np.average(net[paid], weights=weights[paid])) if paid.any() else 0.0
    loss = float(np.average(net[~paid], weights=weights[~paid])) if (~paid).any() else 0.0
    return SideEconomics(max(win, 1e-6), min(loss, -1e-6))


def _forecast(
    samples: TrainingSamples,
    earlier: Sequence[Forecasts],
    train: Integers,
    test: Integers,
    outputs: Floats,
    regimes: Floats,
    members: tuple[str, ...],
    number: int,
    plan: TrainingPlan,
) -> Forecasts:
    shape = (test.size, _SIDES)
    probability, expected = np.full(shape, np.nan), np.full(shape, np.nan)
    certain = np.zeros(shape, dtype=bool)
    weights = samples.weight[train]
    base_rate = np.broadcast_to(np.average(samples.pays[train], axis=0, weights=weights), shape).copy()
    if earlier:
        begins = samples.ts[test[0]]
        past = _joined(earlier)
        usable = samples.known[past.rows] < begins - int(plan.embargo_minutes * NS_PER_MINUTE)
        for side, (meta, conformal) in enumerate(_fit_meta(samples, past, usable, plan)):
            economics = economics_of(samples.net[train, side], weights)
            probability[:, side] = sigmoid(meta.log_odds(outputs[:, side], regimes))
            certain[:, side] = [conformal.certain(p) for p in probability[:, side]]
            expected[:, side] = [economics.expected(p) for p in probability[:, side]]
    fold = np.full(test.size, number)
    return Forecasts(test, outputs, regimes, fold, probability, certain, expected, base_rate, members)


def _fit_meta(
    samples: TrainingSamples, past: Forecasts, usable: NDArray[np.bool_], plan: TrainingPlan
) -> list[tuple[MetaWeights, ConformalSets]]:
    """Fit stacker, calibration and conformal bounds of each side on forecasts of whole earlier days."""
    rows = past.rows[usable]
    labels, days = samples.pays[rows], samples.day[rows]
    parts = np.array_split(np.unique(days), _META_FOLDS)
    folds = np.searchsorted(np.array([part[-1] for part in parts if part.size]), days)
    metas, log_odds = fit_meta(
        past.outputs[usable],
        past.regimes[usable],
        labels,
        samples.weight[rows],
        folds.astype(np.int64),
        days=np.unique(days).size,
        members=past.members,
    )
    crossed = sigmoid(log_odds)
    return [(meta, ConformalSets.fit(labels[:, side], crossed[:, side], plan.alpha)) for side, meta in enumerate(metas)]


def _joined(parts: Sequence[Forecasts]) -> Forecasts:
    names = ("rows", "outputs", "regimes", "fold", "probability", "certain", "expected", "base_rate")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Forecasts(**columns, members=parts[0].members)
