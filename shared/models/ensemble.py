"""The trained ensemble as a value: members, stacker, calibration, regimes, drift reference, and what pays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.conformal import ConformalSets
from shared.models.drift import DriftReference
from shared.models.recurrent import SequenceModel
from shared.models.regime import RegimeModel
from shared.models.scaling import RobustScaler
from shared.models.stacking import MetaWeights
from shared.models.trees import TreeEnsemble, as_rows

Floats = NDArray[np.float64]

SIDES = ("put", "call")
"""Index 0 sells a put (direction +1), index 1 sells a call (direction -1)."""
MEMBERS = ("forest", "booster", "lstm", "linear")
FOREST_SCALE = 4.0
"""The slope of log-odds at one half: puts a forest's share of votes on the scale of the other members."""


@dataclass(frozen=True, slots=True)
class LinearMember:
    """Penalised logistic regression on scaled features: log-odds of both sides.

    Attributes:
        coefficients: shape (sides, features).
        intercept: shape (sides,).
    """

    coefficients: Floats
    intercept: Floats

    def outputs(self, scaled: Floats) -> Floats:
        """Give log-odds, shape (rows, sides), of scaled features."""
        return np.asarray(scaled @ self.coefficients.T + self.intercept, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SideEconomics:
    """What a side earned in training when it paid and when it did not, as shares of the premium sold.

    Attributes:
        mean_win: of the samples that paid, after costs, positive.
        mean_loss: of those that did not, negative.
    """

    mean_win: float
    mean_loss: float

    def expected(self, probability: float) -> float:
        """Give the expected net return at a probability of paying."""
        return probability * self.mean_win + (1.0 - probability) * self.mean_loss

    @property
    def break_even(self) -> float:
        """Probability at which nothing is earned or lost on average."""
        return -self.mean_loss / (self.mean_win - self.mean_loss)


@dataclass(frozen=True, slots=True)
class SideModel:
    """What one side has of its own.

    Attributes:
        forest: share of votes that the side pays, centred and scaled.
        booster: log-odds.
        meta: stacks (forest, booster, lstm, linear).
        conformal: when the probability is unambiguous.
        economics: what paying and not paying meant.
    """

    forest: TreeEnsemble
    booster: TreeEnsemble
    meta: MetaWeights
    conformal: ConformalSets
    economics: SideEconomics


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Everything a decision needs, as loaded from one bundle.

    Attributes:
        version: content hash of its bundle.
        schema_id: feature schema it was trained on; another is refused.
        features: names in order.
        trained_until: event time at which the last label it learned from was known, ns.
        vectors_per_session: median of training, the beat of its drift window.
        scaler, linear, sequence, regimes, drift: shared by both sides.
        sides: put, call.
    """

    version: str
    schema_id: str
    features: tuple[str, ...]
    trained_until: int
    vectors_per_session: float
    scaler: RobustScaler
    linear: LinearMember
    sequence: SequenceModel
    regimes: RegimeModel
    drift: DriftReference
    sides: tuple[SideModel, SideModel]

    def member_outputs(self, values: Floats, channels: Floats, mask: NDArray[np.bool_]) -> Floats:
        """Give every member's output for a batch.

        Args:
            values: raw feature vectors, shape (rows, features), NaN where missing.
            channels: sequences for the LSTM, shape (rows, steps, channels).
            mask: which steps are there, shape (rows, steps).

        Returns:
            Shape (rows, sides, members).
        """
        sequence = self.sequence.outputs(channels, mask)
        linear = self.linear.outputs(self.scaler.transform(values))
        rows = as_rows(values)
        by_side = [
            np.stack([side.forest.outputs(rows), side.booster.outputs(rows), sequence[:, at], linear[:, at]], axis=-1)
            for at, side in enumerate(self.sides)
        ]
        return np.stack(by_side, axis=1)
