"""The linear member: penalised logistic regression on scaled features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.member import Arrays, FeatureFrame, MemberParts, VectorBatch
from shared.models.scaling import RobustScaler

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Log-odds of both sides, linear in scaled features.

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
class LinearMember:
    """The linear model on vectors scaled as the ensemble scales them."""

    scaler: RobustScaler
    model: LinearModel
    name: str = "linear"
    lookback: int = 1

    @classmethod
    def load(cls, arrays: Arrays, frame: FeatureFrame) -> LinearMember:
        """Make it of stored arrays."""
        return cls(frame.scaler, LinearModel(**arrays))

    def outputs(self, batch: VectorBatch) -> Floats:
        """Give log-odds, shape (rows, sides)."""
        return self.model.outputs(self.scaler.transform(batch.values))

    def explain(self, batch: VectorBatch, side: int) -> MemberParts:
        """Give coefficient times distance from the median; the base is the intercept."""
        parts = self.model.coefficients[side] * self.scaler.transform(batch.values[0])
        return MemberParts(float(self.model.intercept[side]), parts)

    def arrays(self) -> Arrays:
        """Name the arrays a bundle stores; the scaler is the ensemble's."""
        return {"coefficients": self.model.coefficients, "intercept": self.model.intercept}
