"""The port of a model member: vectors in, log-odds of both sides out, and what of them each feature answers for.

One file is a member: how it is fitted (`MemberKind.fit`, in the trainer) and how it is read back and asked
(`MemberKind.load`, in the predictor). `docs/howto/model-member.md` shows one, and `tests/contract/test_model_members.py` is
what every one must pass.

A member says of a vector what it would have said when the vector came: it sees the vector and what came before it in
its session, and nothing else. What it is fitted on ends where the forecast begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from shared.models.scaling import RobustScaler

T = TypeVar("T")
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Marks = NDArray[np.bool_]
Arrays = Mapping[str, NDArray[Any]]
"""What a bundle stores of a member, by name: numbers, marks or bytes, never objects."""

SIDES = ("put", "call")
"""Index 0 sells a put (direction +1), index 1 sells a call (direction -1)."""


@dataclass(frozen=True, eq=False)
class VectorBatch:
    """Feature vectors that members are asked about, each with what came before it in its session.

    Attributes:
        pool: vectors in order of time, those asked about among them, shape (n, features), NaN where missing.
        rows: places in the pool that are asked about, shape (rows,).
        starts: marks the first vector of each session, shape (n,).
    """

    pool: Floats
    rows: Integers
    starts: Marks

    @classmethod
    def newest(cls, window: Floats) -> VectorBatch:
        """Ask about the last of one session's newest vectors, shape (vectors, features)."""
        starts = np.zeros(window.shape[0], dtype=np.bool_)
        starts[:1] = True
        return cls(window, np.array([window.shape[0] - 1]), starts)

    def __len__(self) -> int:
        """Count the vectors asked about."""
        return int(self.rows.size)

    @cached_property
    def values(self) -> Floats:
        """The vectors asked about, shape (rows, features), not to be written to: every member reads them."""
        found = self.pool[self.rows]
        found.flags.writeable = False
        return found

    def windows(self, length: int) -> Integers:
        """Give the places of each vector's sequence, oldest first, -1 before its session began, shape (rows, length)."""
        steps = self.rows[:, None] + np.arange(1 - length, 1)[None, :]
        return np.where(steps >= self._first[self.rows][:, None], steps, -1)

    def sequences(self, length: int) -> tuple[Floats, Marks]:
        """Give each vector with those before it in its session, oldest first.

        Returns:
            Shape (rows, length, features), and which steps are there, shape (rows, length); NaN where one is not.
        """
        places = self.windows(length)
        there = places >= 0
        return np.where(there[..., None], self.pool[places], np.nan), there

    def once(self, make: Callable[[Floats], T]) -> T:
        """Give `make` of the vectors asked about, made once however many members want it."""
        if make not in self._made:
            self._made[make] = make(self.values)
        return cast("T", self._made[make])

    def take(self, which: Integers) -> VectorBatch:
        """Ask about some of the vectors only, by their numbers, shape (some,)."""
        return VectorBatch(self.pool, self.rows[which], self.starts)

    def pieces(self, size: int) -> Iterator[VectorBatch]:
        """Give parts of at most `size` vectors, for members that need much memory for each."""
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))

    def alone(self, which: int, length: int) -> VectorBatch:
        """Ask about one vector as a decision does: with `length` vectors of its session at most, and nothing later."""
        places = self.take(np.array([which])).windows(length)[0]
        return VectorBatch.newest(self.pool[places[places >= 0]])

    @cached_property
    def _made(self) -> dict[Callable[[Floats], Any], Any]:
        return {}

    @cached_property
    def _first(self) -> Integers:
        return np.maximum.accumulate(np.where(self.starts, np.arange(self.starts.size), 0))


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """What a member may know of the vectors it is fitted on and asked about.

    Attributes:
        features: names, in order of a vector's values.
        scaler: median and spread of each, learned on the vectors the member is fitted on.
    """

    features: tuple[str, ...]
    scaler: RobustScaler


@dataclass(frozen=True, slots=True)
class MemberParts:
    """A member's log-odds of one side for one vector, feature by feature; base and parts add up to it.

    Attributes:
        base: what it says when nothing is known.
        parts: one per feature, shape (features,).
    """

    base: float
    parts: Floats


class ServedMember(Protocol):
    """A member that was fitted, as a decision asks it; it knows nothing of the libraries that fitted it."""

    @property
    def name(self) -> str:
        """Name of its kind; the bundle holds it."""
        ...

    @property
    def lookback(self) -> int:
        """Vectors of the session that it looks at, the present one included: 1 or more."""
        ...

    def outputs(self, batch: VectorBatch) -> Floats:
        """Give the log-odds that selling pays, put and call, shape (rows, sides): finite, and the same every time."""
        ...

    def explain(self, batch: VectorBatch, side: int) -> MemberParts | None:
        """Split its log-odds of one side for the only vector of a batch; None: it answers for them as a whole."""
        ...

    def arrays(self) -> Arrays:
        """Give all that `load` of its kind needs to make it again."""
        ...


class UnsplitMember:
    """Base of a member that splits nothing by feature; it looks at the present vector alone unless it says otherwise."""

    lookback = 1

    def explain(self, batch: VectorBatch, side: int) -> MemberParts | None:  # noqa: ARG002 - the port's form
        """Answer for the output as a whole."""
        return None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a member is fitted on: one stretch of samples; nothing in it is from after the stretch.

    Attributes:
        batch: the vectors with an outcome, among all vectors of their days.
        labels: 1 where selling paid after costs, 0 where it did not, shape (rows, sides).
        weights: average uniqueness of each, shape (rows,): outcomes that overlap share their weight.
        days: ordinal of the exchange date, ascending, shape (rows,).
        late: marks the last fifth of the days, shape (rows,): what tells a learner when to stop.
        kept: marks those whose outcome was known before `late` began, and `late` itself, shape (rows,): who holds
            `late` out learns from the others of these alone.
        used: features worth learning from, shape (features,): those that move within days.
        frame: names and scale of the features.
        seed: of everything random.
    """

    batch: VectorBatch
    labels: Floats
    weights: Floats
    days: Integers
    late: Marks
    kept: Marks
    used: Marks
    frame: FeatureFrame
    seed: int

    @property
    def values(self) -> Floats:
        """Vectors with an outcome, shape (rows, features), NaN where missing or not worth learning from."""
        return np.where(self.used, self.batch.values, np.nan)

    @property
    def scaled(self) -> Floats:
        """Vectors with an outcome by median and spread, shape (rows, features), 0 where missing."""
        return self.frame.scaler.transform(self.batch.values)


class ServedKind(Protocol):
    """How a member is read back from a bundle."""

    @property
    def name(self) -> str:
        """Short name, an identifier: bundles, reports and explanations hold it."""
        ...

    def load(self, arrays: Arrays, frame: FeatureFrame) -> ServedMember:
        """Make the member again of what its `arrays` gave. Imports no library that fits."""
        ...


class FittedKind(Protocol):
    """How a member is fitted."""

    @property
    def name(self) -> str:
        """Short name, an identifier: bundles, reports and explanations hold it."""
        ...

    def fit(self, lesson: Lesson) -> ServedMember:
        """Fit a member; the same lesson gives the same one. Libraries that fit are imported here, not above.

        Raises:
            NoTrainingDataError: there is too little to learn from.
        """
        ...


class MemberKind(FittedKind, ServedKind, Protocol):
    """One sort of member: fitted in the trainer and read back in the predictor, under one name."""
