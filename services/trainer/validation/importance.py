"""Which features carry the ensemble: the mean size of their parts over a sample of vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from shared.models.ensemble import Ensemble
from shared.models.inference import EnsembleSession, part_names

Floats = NDArray[np.float64]

_EXPLAINED = 200


@dataclass(frozen=True, slots=True)
class Importance:
    """Mean absolute part of a feature in the log-odds of the better side."""

    name: str
    mean_part: float


def global_importance(ensemble: Ensemble, samples: TrainingSamples, *, seed: int) -> tuple[Importance, ...]:
    """Rank features and the regime by their mean absolute SHAP part over vectors of whole sessions.

    Sessions are drawn until there are about 200 vectors, and run through the very path decisions take.
    """
    rng = np.random.default_rng(seed)
    days = rng.permutation(np.unique(samples.day))
    session = EnsembleSession(ensemble)
    names = part_names(ensemble)
    total = np.zeros(len(names))
    explained = 0
    for day in days:
        rows = np.flatnonzero(samples.day == day)
        step = max(rows.size // 20, 1)
        for number, row in enumerate(rows):
            prediction = session.predict(int(samples.ts[row]), samples.values[row])
            if number % step == 0:
                total += np.abs(session.explain(prediction).parts)
                explained += 1
        if explained >= _EXPLAINED:
            break
    order = np.argsort(-total, kind="stable")
    return tuple(Importance(names[at], float(total[at] / explained)) for at in order)
