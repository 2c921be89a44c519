"""What a training learns from: feature vectors in order of time with the outcomes of selling either side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError
from shared.models.member import VectorBatch
from shared.models.validation import LabelIntervals, uniqueness

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_COLUMNS = ("ts", "day", "values", "net", "points", "known", "rule")


@dataclass(frozen=True)
class TrainingSamples:
    """Vectors of whole sessions, those without a label included: the LSTM and the regimes look back over them.

    Attributes:
        schema_id: of the vectors.
        features: names in order.
        ts: event times, ns, ascending, shape (n,).
        day: ordinal of the exchange date, shape (n,).
        values: shape (n, features), NaN where missing.
        net: net return of selling the put and the call, as a share of the premium sold, NaN without a label, (n, 2).
        points: the same in points per unit, (n, 2).
        known: event time at which both labels are known, shape (n,); the sample's own time where there is none.
        rule: direction of the traditional signal, shape (n,).
    """

    schema_id: str
    features: tuple[str, ...]
    ts: Integers
    day: Integers
    values: Floats
    net: Floats
    points: Floats
    known: Integers
    rule: Integers

    def __post_init__(self) -> None:
        """Refuse columns that do not match."""
        count = self.ts.size
        shapes = {
            "day": (count,),
            "values": (count, len(self.features)),
            "net": (count, 2),
            "points": (count, 2),
            "known": (count,),
            "rule": (count,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise BadInputError(f"{name} of shape {shape}", getattr(self, name).shape, "TrainingSamples")

    def __len__(self) -> int:
        """Count the vectors."""
        return int(self.ts.size)

    @cached_property
    def labelled(self) -> Integers:
        """Rows with both labels, ascending."""
        return np.flatnonzero(np.isfinite(self.net).all(axis=1))

    @cached_property
    def pays(self) -> Floats:
        """1 where selling paid after costs, 0 where it did not, NaN without a label, shape (n, 2)."""
        return np.where(np.isfinite(self.net), (self.net > 0.0).astype(np.float64), np.nan)

    @cached_property
    def weight(self) -> Floats:
        """Average uniqueness of each labelled row, 0 of the others, shape (n,): overlapping labels share their weight."""
        rows = self.labelled
        weights = np.zeros(len(self))
        weights[rows] = uniqueness(LabelIntervals(self.ts[rows], self.known[rows]))
        return weights

    @cached_property
    def starts(self) -> NDArray[np.bool_]:
        """Marks the first vector of each session."""
        return np.concatenate([[True], np.diff(self.day) != 0])

    @cached_property
    def vectors_per_session(self) -> float:
        """Median number of vectors in a session."""
        return float(np.median(np.unique(self.day, return_counts=True)[1]))

    def windows(self, rows: Integers, length: int) -> Integers:
        """Give the rows of each sample's sequence, oldest first, -1 before its session began, (rows, length)."""
        return VectorBatch(self.values, rows, self.starts).windows(length)

    def take(self, keep: NDArray[np.bool_]) -> TrainingSamples:
        """Give the samples marked by `keep`, shape (n,)."""
        columns = {name: getattr(self, name)[keep] for name in _COLUMNS}
        return TrainingSamples(self.schema_id, self.features, **columns)

    @cached_property
    def content(self) -> str:
        """Content hash of everything above."""
        digest = blake2b(digest_size=16)
        digest.update("\n".join((self.schema_id, *self.features)).encode())
        for name in _COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()


def join_samples(parts: list[TrainingSamples]) -> TrainingSamples:
    """Put the samples of several days, in order, into one; BadInputError for none or for mixed schemas."""
    if not parts or any(part.schema_id != parts[0].schema_id for part in parts):
        raise BadInputError("samples of one schema", sorted({part.schema_id for part in parts}), "join_samples")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    return TrainingSamples(parts[0].schema_id, parts[0].features, **arrays)
