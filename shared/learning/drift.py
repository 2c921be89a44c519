"""Does the present look like what the model was trained on? Feature drift over a window, and single odd vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BINS = 8
_FLOOR = 0.01
"""Least share of a bin: keeps an empty one from giving an infinite index."""


@dataclass(frozen=True, slots=True)
class DriftReference:
    """Distribution of the training samples.

    Attributes:
        edges: inner bin edges of each feature at equal shares, shape (features, bins - 1).
        share: share of each bin, the last one for missing values, shape (features, bins + 1).
        distance_limit: a scaled distance from the training medians that one training vector in a thousand exceeds.
    """

    edges: Floats
    share: Floats
    distance_limit: float

    @classmethod
    def fit(cls, values: Floats, scaled: Floats) -> DriftReference:
        """Learn from training vectors, shape (samples, features), raw and scaled."""
        filled = np.where(np.isnan(values).all(axis=0), 0.0, values)
        edges = np.nanquantile(filled, np.arange(1, _BINS) / _BINS, axis=0).T
        share = _shares(_bins_of(values, edges))
        distance = dissimilarity(scaled)
        return cls(edges, share, float(np.quantile(distance, 0.999)) * 1.25)

    def counts(self, values: Floats) -> NDArray[np.int64]:
        """Give the bin of each feature of one vector, shape (features,)."""
        return np.asarray(_bins_of(values[None, :], self.edges)[0], dtype=np.int64)

    def psi(self, counts: NDArray[np.int64]) -> Floats:
        """Give the population stability index of each feature from bin counts, shape (features, bins + 1).

        PSI = sum (actual - expected) ln(actual / expected); over 0.25 is commonly called a shift.
        """
        actual = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        actual, expected = np.maximum(actual, _FLOOR), np.maximum(self.share, _FLOOR)
        return np.asarray(((actual - expected) * np.log(actual / expected)).sum(axis=1), dtype=np.float64)

    def arrays(self) -> dict[str, Floats]:
        """Name the arrays a bundle stores."""
        return {"edges": self.edges, "share": self.share, "distance_limit": np.array([self.distance_limit])}


def dissimilarity(scaled: Floats) -> Floats:
    """Give the root mean square of scaled values, shape (samples, features) to (samples,): 1 is usual."""
    return np.asarray(np.sqrt(np.mean(scaled**2, axis=-1)), dtype=np.float64)


def _bins_of(values: Floats, edges: Floats) -> NDArray[np.int64]:
    bins = (values[:, :, None] > edges[None, :, :]).sum(axis=2)
    return np.where(np.isnan(values), _BINS, bins)


def _shares(bins: NDArray[np.int64]) -> Floats:
    return np.stack([(bins == at).mean(axis=0) for at in range(_BINS + 1)], axis=1)
