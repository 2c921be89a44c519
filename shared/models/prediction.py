"""What a decision consists of, free of the libraries that made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DIRECTIONS = (1, -1)
"""Direction of each side: index 0 sells a put, index 1 sells a call."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the ensemble makes of one vector.

    Attributes:
        probability: that selling pays after costs, put and call, shape (2,).
        log_odds: the same before the logistic function.
        side: index of the side with the higher expected net return.
        expected_net: expected net return of each side as a share of its premium, shape (2,).
        certain: per side, whether the conformal set holds "pays" alone.
        regime: most probable one, `warming_up` before the first observation.
        regimes: filtered probabilities.
        out_of_distribution: why the vector or the recent past is unlike the training samples; empty when it is not.
        members: each member's output for each side, shape (2, members).
    """

    probability: Floats
    log_odds: Floats
    side: int
    expected_net: Floats
    certain: tuple[bool, bool]
    regime: str
    regimes: Floats
    out_of_distribution: str
    members: Floats

    @property
    def direction(self) -> int:
        """Direction of the better side: +1 SHORT PUT, -1 SHORT CALL."""
        return DIRECTIONS[self.side]

    def signals(self, threshold: float) -> bool:
        """Say whether the better side is worth a signal: it earns on average, is probable enough and unambiguous."""
        side = self.side
        probable = bool(self.probability[side] >= threshold)
        return probable and bool(self.expected_net[side] > 0.0) and self.certain[side] and not self.out_of_distribution


@dataclass(frozen=True, slots=True)
class Explanation:
    """Log-odds of one side, feature by feature.

    Attributes:
        base: log-odds before anything is known.
        parts: one per feature in schema order, the regime's, and one per added member for what it does not split by
            feature; base and parts add up to `log_odds`.
        log_odds: of the side that was explained.
    """

    base: float
    parts: Floats
    log_odds: float
