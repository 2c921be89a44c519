"""Does the present look like what the model was trained on? Feature drift over a window, and single odd vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BINS = 8
_FLOOR = 0.01
"""Least share of a bin: keeps an empty one from giving an infinite index."""
_SESSIONS = 5.0
"""The window's memory, in sessions."""
_ALLOWANCE = 1.25
"""How far beyond anything seen in training the present must lie before it is called out of distribution."""


@dataclass(frozen=True, slots=True)
class DriftReference:
    """Distribution of the training samples.

    Attributes:
        edges: inner bin edges of each feature at equal shares, shape (features, bins - 1).
        share: share of each bin, the last one for missing values, shape (features, bins + 1).
        distance_limit: scaled distance from the training medians beyond what one training vector in a thousand has.
        index_limit: mean stability index of the window beyond the highest that training's own stretches reached.
        memory: vectors the window remembers.
    """

    edges: Floats
    share: Floats
    distance_limit: float
    index_limit: float
    memory: float

    @classmethod
    def fit(cls, values: Floats, scaled: Floats, vectors_per_session: float) -> DriftReference:
        """Learn from training vectors in order of time, shape (samples, features), raw and scaled."""
        filled = np.where(np.isnan(values).all(axis=0), 0.0, values)
        edges = np.nanquantile(filled, np.arange(1, _BINS) / _BINS, axis=0).T
        share = np.stack([(_bins_of(values, edges) == at).mean(axis=0) for at in range(_BINS + 1)], axis=1)
        limit = float(np.quantile(dissimilarity(scaled), 0.999)) * _ALLOWANCE
        memory = max(_SESSIONS * vectors_per_session, 2.0)
        open_ended = cls(edges, share, limit, np.inf, memory)
        monitor = DriftMonitor(open_ended)
        highest = 0.0
        for row in values:
            monitor.take(row)
            highest = max(highest, monitor.index())
        return cls(edges, share, limit, highest * _ALLOWANCE if highest > 0.0 else np.inf, memory)

    def psi(self, counts: Floats) -> Floats:
        """Give the population stability index of each feature from bin counts, shape (features, bins + 1).

        PSI = sum (actual - expected) ln(actual / expected); over 0.25 is commonly called a shift.
        """
        actual = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
        actual, expected = np.maximum(actual, _FLOOR), np.maximum(self.share, _FLOOR)
        return np.asarray(((actual - expected) * np.log(actual / expected)).sum(axis=1), dtype=np.float64)

    def arrays(self) -> dict[str, Floats]:
        """Name the arrays a bundle stores."""
        limits = np.array([self.distance_limit, self.index_limit, self.memory])
        return {"edges": self.edges, "share": self.share, "limits": limits}


class DriftMonitor:
    """Bin counts of the recent past that fade out over the reference's memory. Bounded, causal."""

    def __init__(self, reference: DriftReference) -> None:
        self._reference = reference
        self._rows = np.arange(reference.edges.shape[0])
        self._counts: NDArray[np.float32] = np.zeros(reference.share.shape, dtype=np.float32)
        self._keep = np.float32(1.0 - 1.0 / reference.memory)
        self._seen = 0

    def take(self, values: Floats) -> None:
        """Count one vector, shape (features,)."""
        bins = _bins_of(values[None, :], self._reference.edges)[0]
        self._counts *= self._keep
        self._counts[self._rows, bins] += 1.0
        self._seen += 1

    def psi(self) -> Floats:
        """Give each feature's stability index over the window."""
        return self._reference.psi(self._counts.astype(np.float64))

    def index(self) -> float:
        """Give the mean stability index over the features; 0 until the window is half full."""
        if self._seen < self._reference.memory / 2.0:
            return 0.0
        return float(self.psi().mean())

    def checkpoint(self) -> bytes:
        """Give the state."""
        return self._seen.to_bytes(8, "little") + self._counts.tobytes()

    def restore(self, raw: bytes) -> None:
        """Become what `checkpoint` described."""
        self._seen = int.from_bytes(raw[:8], "little")
        self._counts = np.frombuffer(raw[8:], dtype=np.float32).reshape(self._reference.share.shape).copy()


def dissimilarity(scaled: Floats) -> Floats:
    """Give the root mean square of scaled values, shape (samples, features) to (samples,): 1 is usual."""
    return np.asarray(np.sqrt(np.mean(scaled**2, axis=-1)), dtype=np.float64)


def _bins_of(values: Floats, edges: Floats) -> NDArray[np.int64]:
    bins = (values[:, :, None] > edges[None, :, :]).sum(axis=2)
    return np.where(np.isnan(values), _BINS, bins)
