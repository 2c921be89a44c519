"""Fitting the members of the ensemble on one stretch of samples, each with what tells it when to stop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.added import proven_kinds
from services.trainer.members.built_in import BoosterKind, ForestKind, LinearKind, LstmKind
from services.trainer.members.lstm import LstmSettings
from shared.errors import NoTrainingDataError
from shared.models.ensemble import member_outputs
from shared.models.member import FeatureFrame, FittedKind, Lesson, ServedMember, VectorBatch
from shared.models.regime import REGIMES, RegimeModel, fit_regimes, observations_of
from shared.models.scaling import RobustScaler

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SIDES = 2
_FEWEST_DAYS, _FEWEST_SAMPLES = 4, 40
"""Below them no held-out stretch means anything."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Size and pace of a training.

    Attributes:
        seed: of everything random.
        folds: stretches of the walk-forward; the first only teaches the stacker, the others are judged.
        min_train: share of the days before the first stretch.
        embargo_minutes: between the last known training label and a test stretch.
        trees, forest_depth: of the forest.
        rounds, booster_depth, rate: of the booster.
        forest_leaf, booster_leaf: least weight of a leaf in independent samples.
        lstm: size and pace of the network.
        slow_share: a feature that differs between days by more than this share of its variance is slow: it has one
            independent value a day, whatever its number of samples.
        slow_days: slow features are learned from only when there are at least so many days.
        alpha: of the conformal sets.
        threshold: least probability of a signal, beside the side's break-even.
        members: added behind the built-in ones: `path/to/file.py:Name`, or the name of one of an installed package.
    """

    seed: int = 7
    folds: int = 6
    min_train: float = 0.25
    embargo_minutes: float = 1440.0
    trees: int = 150
    forest_depth: int = 7
    rounds: int = 200
    booster_depth: int = 2
    rate: float = 0.1
    forest_leaf: float = 120.0
    booster_leaf: float = 60.0
    lstm: LstmSettings = field(default_factory=LstmSettings)
    slow_share: float = 0.45
    slow_days: int = 1500
    alpha: float = 0.25
    threshold: float = 0.55
    members: tuple[str, ...] = ()

    def with_members(self, references: Iterable[str]) -> TrainingPlan:
        """Add members that are not among the plan's yet."""
        return replace(self, members=tuple(dict.fromkeys((*self.members, *references))))

    def kinds(self) -> tuple[FittedKind, ...]:
        """Give what fits each member, the built-in ones first, in order of the stacker's weights.

        Raises:
            PluginError: an added one is not there or cannot be used.
        """
        return (
            ForestKind(self.trees, self.forest_depth, self.forest_leaf),
            BoosterKind(self.rounds, self.booster_depth, self.rate, self.booster_leaf),
            LstmKind(self.lstm),
            LinearKind(),
            *proven_kinds(self.members),
        )


@dataclass(frozen=True, slots=True)
class Members:
    """The members fitted on one stretch, in order of the stacker's weights."""

    scaler: RobustScaler
    served: tuple[ServedMember, ...]
    regimes: RegimeModel

    def outputs(self, samples: TrainingSamples, rows: Integers) -> Floats:
        """Give every member's output for some rows, shape (rows, sides, members)."""
        return member_outputs(self.served, VectorBatch(samples.values, rows, samples.starts))

    def regime_probabilities(self, samples: TrainingSamples, rows: Integers) -> Floats:
        """Give filtered regime probabilities, shape (rows, regimes); each session is filtered from its start."""
        days = np.isin(samples.day, np.unique(samples.day[rows]))
        part = np.flatnonzero(days)
        filtered = np.full((len(samples), len(REGIMES)), np.nan)
        observations = observations_of(samples.values[part], samples.features)
        filtered[part] = self.regimes.filter_sessions(observations, samples.starts[part])
        return filtered[rows]


def fit_members(samples: TrainingSamples, rows: Integers, plan: TrainingPlan) -> Members:
    """Fit every member on labelled rows, ascending; what they see ends with the last of them.

    Raises:
        NoTrainingDataError: a class is missing or there are too few.
        PluginError: a member that the plan adds is not there.
        BadInputError: such a member fails.
    """
    lesson = lesson_of(samples, rows, plan)
    seen = lesson.batch
    return Members(
        scaler=lesson.frame.scaler,
        served=tuple(kind.fit(lesson) for kind in plan.kinds()),
        regimes=fit_regimes(observations_of(seen.pool, samples.features), seen.starts),
    )


def lesson_of(samples: TrainingSamples, rows: Integers, plan: TrainingPlan) -> Lesson:
    """Give what members are fitted on: labelled rows, ascending, among all vectors of their days up to the last of them.

    Raises:
        NoTrainingDataError: a class is missing or there are too few.
    """
    days = np.unique(samples.day[rows])
    if days.size < _FEWEST_DAYS:
        raise NoTrainingDataError(f"expected outcomes on at least {_FEWEST_DAYS} days, got {rows.size} on {days.size}")
    late = samples.day[rows] >= days[-max(days.size // 5, 1)]
    keep = late | (samples.known[rows] < samples.ts[rows][late][0])
    usable = rows[keep]
    if (~late & keep).sum() < _FEWEST_SAMPLES or not _both_classes(samples.pays[usable], late[keep]):
        raise NoTrainingDataError(
            f"expected at least {_FEWEST_SAMPLES} samples with outcomes of both kinds before the last fifth of the days "
            f"and in it, got {rows.size} on {days.size} days"
        )
    seen = np.flatnonzero(np.isin(samples.day, days) & (samples.ts <= samples.ts[rows[-1]]))
    scaler = RobustScaler.fit(samples.values[seen])
    used = learnable(samples.values[seen], samples.day[seen], plan)
    if not used.any():
        raise NoTrainingDataError(f"expected features that move within days, got none on {days.size} days")
    return Lesson(
        batch=VectorBatch(samples.values[seen], np.searchsorted(seen, rows), samples.starts[seen]),
        labels=samples.pays[rows],
        weights=samples.weight[rows],
        days=samples.day[rows],
        late=late,
        kept=keep,
        used=used,
        frame=FeatureFrame(samples.features, scaler),
        seed=plan.seed,
    )


def learnable(values: Floats, days: Integers, plan: TrainingPlan) -> NDArray[np.bool_]:
    """Say which features can be learned from, shape (features,): they vary, and within days unless there are many.

    A level that hardly moves within a day (a volatility of ten days, a total of open interest) has as many
    independent values as there are days; with few days a flexible learner takes their accidents for rules.
    """
    present = np.isfinite(values)
    count = present.sum(axis=0)
    total = np.where(present, values, 0.0).sum(axis=0)
    mean = total / np.maximum(count, 1)
    variance = np.where(present, (values - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count, 1)
    distinct, place = np.unique(days, return_inverse=True)
    shape = (distinct.size, values.shape[1])
    by_day, seen = np.zeros(shape), np.zeros(shape)
    np.add.at(by_day, place, np.where(present, values, 0.0))
    np.add.at(seen, place, present)
    day_mean = by_day / np.maximum(seen, 1)
    between = np.sum(seen * (day_mean - mean) ** 2, axis=0) / np.maximum(count, 1)
    varies = variance > 1e-18 * (1.0 + mean**2)
    slow = between > plan.slow_share * variance
    return np.asarray(varies & (~slow | (distinct.size >= plan.slow_days)), dtype=np.bool_)


def _both_classes(labels: Floats, held_out: NDArray[np.bool_]) -> bool:
    parts = (labels[~held_out], labels[held_out])
    return all(0.0 < part[:, side].mean() < 1.0 for part in parts for side in range(_SIDES))
