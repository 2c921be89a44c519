"""Feature scaling by median and interquartile range, learned on training samples only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_REACH = 4.0
"""Scaled values are held inside +-4: one wild print must not carry a decision."""
_NORMAL_IQR = 1.349
_SMALLEST_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class RobustScaler:
    """Median and spread per feature, and the share that was missing.

    Attributes:
        centre: medians, shape (features,); a missing value is put there.
        spread: interquartile range over 1.349, shape (features,); 1 where a feature never varied.
        missing: share of training samples without a value, shape (features,).
    """

    centre: Floats
    spread: Floats
    missing: Floats

    @classmethod
    def fit(cls, values: Floats) -> RobustScaler:
        """Learn from training samples, shape (samples, features), NaN where missing."""
        missing = np.isnan(values).mean(axis=0)
        filled = np.where(missing >= 1.0, 0.0, values)
        low, centre, high = np.nanquantile(filled, [0.25, 0.5, 0.75], axis=0)
        deviation = np.nanstd(filled, axis=0)
        # What is 0 most of the time, rounding aside, has no interquartile range but does vary.
        spread = np.where(high - low > _SMALLEST_SPREAD, (high - low) / _NORMAL_IQR, deviation)
        return cls(centre, np.where(spread > _SMALLEST_SPREAD, spread, 1.0), missing)

    def transform(self, values: Floats) -> Floats:
        """Scale values of shape (..., features); missing ones become 0, the median."""
        scaled = (values - self.centre) / self.spread
        return np.clip(np.where(np.isnan(scaled), 0.0, scaled), -_REACH, _REACH)

    def arrays(self) -> dict[str, Floats]:
        """Name the arrays a bundle stores."""
        return {"centre": self.centre, "spread": self.spread, "missing": self.missing}
