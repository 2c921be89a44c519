"""Conformal abstention: which outcomes a probability still leaves open, class by class.

Split conformal prediction, Mondrian form (Vovk et al. 2005): an outcome stays in the set unless fewer than `alpha` of
the calibration samples that had it looked as unlike it. Whatever the model is worth, a true outcome is left out in at
most `alpha` of exchangeable cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConformalSets:
    """Bounds on the probability that a side pays.

    Attributes:
        alpha: share of the true outcomes that may be left out.
        pays_from: from this probability on, "pays" is in the set.
        fails_to: up to this probability, "does not pay" is in the set.
    """

    alpha: float
    pays_from: float
    fails_to: float

    @classmethod
    def fit(cls, labels: Floats, probabilities: Floats, alpha: float) -> ConformalSets:
        """Set the bounds on samples the model has not seen; BadInputError when a class is missing."""
        pays, fails = probabilities[labels > 0.5], probabilities[labels <= 0.5]  # noqa: PLR2004 - between the classes
        if pays.size == 0 or fails.size == 0:
            raise BadInputError("calibration samples of both outcomes", (pays.size, fails.size), "ConformalSets.fit")
        return cls(alpha, 1.0 - _bound(1.0 - pays, alpha), _bound(fails, alpha))

    def certain(self, probability: float) -> bool:
        """Say whether "pays" alone is left."""
        return probability >= self.pays_from and probability > self.fails_to


def _bound(scores: Floats, alpha: float) -> float:
    """The conformal quantile: rank ceil((n + 1)(1 - alpha)), infinite when there are too few samples."""
    rank = int(np.ceil((scores.size + 1) * (1.0 - alpha)))
    return float(np.sort(scores)[rank - 1]) if rank <= scores.size else 1.0
