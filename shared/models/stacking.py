"""The meta-learner at decision time: members' outputs weighed by regime, then calibrated, linear in log-odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetaWeights:
    """Logistic stacking of one side with regime interactions, and its calibration.

    log-odds = slope * (bias + regime_bias . regime + sum_m (weight_m + regime_weight_m . regime) output_m) + offset

    Attributes:
        bias: intercept.
        weight: per member, shape (members,).
        regime_bias: per regime, shape (regimes,).
        regime_weight: shape (members, regimes).
        mean_regime: average regime probabilities of training, shape (regimes,): where explanations start from.
        slope, offset: Platt's calibration, fitted on predictions of samples the stacker had not seen.
    """

    bias: float
    weight: Floats
    regime_bias: Floats
    regime_weight: Floats
    mean_regime: Floats
    slope: float
    offset: float

    def member_weights(self, regimes: Floats) -> Floats:
        """Give what each member's output counts in calibrated log-odds, shape (..., members)."""
        return self.slope * (self.weight + regimes @ self.regime_weight.T)

    def log_odds(self, outputs: Floats, regimes: Floats) -> Floats:
        """Give calibrated log-odds from outputs (..., members) and regime probabilities (..., regimes)."""
        raw = self.bias + regimes @ self.regime_bias
        return np.asarray(
            self.slope * raw + self.offset + np.sum(self.member_weights(regimes) * outputs, axis=-1), dtype=np.float64
        )

    def base_and_regime(self, bases: Floats, regimes: Floats) -> tuple[float, float]:
        """Split what no feature explains: log-odds at the members' bases in the average regime, and the regime's part.

        Args:
            bases: members' base values, shape (members,).
            regimes: present regime probabilities, shape (regimes,).
        """
        base = float(self.log_odds(bases, self.mean_regime))
        return base, float(self.log_odds(bases, regimes)) - base


def sigmoid(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)), dtype=np.float64)
