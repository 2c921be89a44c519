"""How much the ranking depends on which days it was learned from: combinatorial purged cross-validation.

A walk-forward is one path through time, and one path may be lucky. Here every choice of two out of six stretches of days
is forecast from the other four, later ones included, which no trader could but a judge may. The linear member stands
for all: it is fitted in a moment, and what it cannot rank in most of the splits the others have most likely made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan, learnable
from services.trainer.members.linear import fit_linear
from services.trainer.metrics import auc
from shared.clock import NS_PER_MINUTE
from shared.models.member import SIDES
from shared.models.scaling import RobustScaler
from shared.models.validation import LabelIntervals, Split, combinatorial_purged

Floats = NDArray[np.float64]

BLOCKS, TEST_BLOCKS = 6, 2
_FEWEST_DAYS = 12
_CHANCE = 0.5
_PENALTIES = (3.0,)


@dataclass(frozen=True, slots=True)
class CombinatorialScores:
    """AUC of each split, mean over the sides, shape (splits,)."""

    auc: Floats

    @property
    def median(self) -> float:
        """Middle of the splits."""
        return float(np.median(self.auc))

    @property
    def share_below_chance(self) -> float:
        """Share of the splits that ranked worse than a coin."""
        return float(np.mean(self.auc < _CHANCE))


def score_combinations(samples: TrainingSamples, plan: TrainingPlan) -> CombinatorialScores | None:
    """Score every split; None where there are too few days, outcomes of one kind, or no feature to learn from."""
    rows = samples.labelled
    days = samples.day[rows]
    if np.unique(days).size < _FEWEST_DAYS:
        return None
    splits = combinatorial_purged(
        LabelIntervals(samples.ts[rows], samples.known[rows]),
        days,
        blocks=BLOCKS,
        test_blocks=TEST_BLOCKS,
        embargo_ns=int(plan.embargo_minutes * NS_PER_MINUTE),
    )
    scores = np.array([_score(samples, rows, split, plan) for split in splits])
    return CombinatorialScores(scores) if np.isfinite(scores).all() else None


def _score(samples: TrainingSamples, rows: NDArray[np.int64], split: Split, plan: TrainingPlan) -> float:
    train, test = rows[split.train], rows[split.test]
    values, days = samples.values[train], samples.day[train]
    used = learnable(values, days, plan)
    if not used.any():
        return float("nan")
    scaler = RobustScaler.fit(values)
    member = fit_linear(
        scaler.transform(values),
        samples.pays[train],
        samples.weight[train],
        days,
        used,
        penalties=_PENALTIES,
    )
    said = member.outputs(scaler.transform(samples.values[test]))
    return float(np.mean([auc(samples.pays[test, side], said[:, side]) for side in range(len(SIDES))]))
