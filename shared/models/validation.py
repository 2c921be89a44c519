"""Splits that keep labels from leaking: purged and embargoed walk-forward and combinatorial cross-validation.

A label is known only at the end of its interval [t0, t1]. A training sample whose interval touches the span of a
test block would show the learner prices of the test; such samples are purged. The embargo also drops training
samples that begin shortly after a test block, whose features still carry its prices. Source: Lopez de Prado,
"Advances in Financial Machine Learning" (2018), chapters 7 and 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelIntervals:
    """When each sample's label begins and is known, both ends included, event time in ns, starts ascending.

    Attributes:
        start: decision times, shape (n,).
        end: times at which the outcome is known, shape (n,), none before its start.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse intervals that run backwards or out of order."""
        if self.start.shape != self.end.shape or self.start.ndim != 1:
            raise BadInputError("starts and ends of one length", (self.start.shape, self.end.shape), "LabelIntervals")
        if np.any(self.end < self.start):
            raise BadInputError("labels that end after they begin", int(np.argmax(self.end < self.start)), "sample")
        if np.any(np.diff(self.start) < 0):
            raise BadInputError("samples in order of time", int(np.argmax(np.diff(self.start) < 0)), "sample")

    def __len__(self) -> int:
        """Count the samples."""
        return int(self.start.size)


@dataclass(frozen=True, slots=True)
class Split:
    """Sample indices to learn from and to judge by, ascending."""

    train: Indices
    test: Indices


def walk_forward(
    intervals: LabelIntervals, groups: NDArray[np.int64], *, folds: int, min_train: float = 0.3, embargo_ns: int = 0
) -> Iterator[Split]:
    """Give `folds` splits that test one stretch of groups after the other and train on what was known before it.

    Args:
        intervals: of the labels.
        groups: a key per sample, ascending (day ordinals): a test block never begins inside a group.
        folds: test blocks; their groups divide what follows the first `min_train` share of the groups.
        min_train: share of the groups that is never tested.
        embargo_ns: training labels must be known at least this long before the test block begins.

    Raises:
        BadInputError: fewer groups than folds ask for.
    """
    distinct = np.unique(groups)
    first = int(np.ceil(distinct.size * min_train))
    tested = distinct[first:]
    if first < 1 or tested.size < folds:
        raise BadInputError(f"at least {folds} groups to test after the first {min_train:.0%}", distinct.size, "groups")
    for block in np.array_split(tested, folds):
        test = np.flatnonzero((groups >= block[0]) & (groups <= block[-1]))
        begins = intervals.start[test[0]]
        train = np.flatnonzero((intervals.end < begins - embargo_ns) & (intervals.start < begins))
        yield Split(train, test)


def combinatorial_purged(
    intervals: LabelIntervals,
    groups: NDArray[np.int64],
    *,
    blocks: int = 6,
    test_blocks: int = 2,
    embargo_ns: int = 0,
) -> Iterator[Split]:
    """Give one split for every choice of `test_blocks` out of `blocks` stretches of groups.

    Training samples may lie after a test block: purged where the intervals touch, embargoed for `embargo_ns` after.

    Args:
        intervals: of the labels.
        groups: a key per sample, ascending; a block never begins inside a group.
        blocks: stretches of equal count of groups.
        test_blocks: how many are tested at a time.
        embargo_ns: after the end of each tested stretch.
    """
    distinct = np.unique(groups)
    if distinct.size < blocks or not 0 < test_blocks < blocks:
        raise BadInputError(f"at least {blocks} groups and 0 < test blocks < {blocks}", distinct.size, "groups")
    stretches = [
        np.flatnonzero((groups >= part[0]) & (groups <= part[-1])) for part in np.array_split(distinct, blocks)
    ]
    for chosen in combinations(range(blocks), test_blocks):
        keep = np.ones(len(intervals), dtype=bool)
        for block in chosen:
            test = stretches[block]
            begins, ends = intervals.start[test[0]], intervals.end[test].max()
            touches = (intervals.end >= begins) & (intervals.start <= ends)
            embargoed = (intervals.start > ends) & (intervals.start <= ends + embargo_ns)
            keep[test] = False
            keep &= ~(touches | embargoed)
        yield Split(np.flatnonzero(keep), np.concatenate([stretches[block] for block in chosen]))


def overlapping_pairs(intervals: LabelIntervals, split: Split) -> int:
    """Count training samples whose label interval touches a test sample's: anything but 0 is a leak."""
    starts, ends = intervals.start[split.test], intervals.end[split.test]
    by_start, by_end = np.sort(starts), np.sort(ends)
    begun = np.searchsorted(by_start, intervals.end[split.train], side="right")
    over = np.searchsorted(by_end, intervals.start[split.train], side="left")
    return int(np.count_nonzero(begun > over))


def uniqueness(intervals: LabelIntervals) -> NDArray[np.float64]:
    """Give each label's average share of the moments it covers, 0 to 1: overlapping labels count once together.

    Moments are the distinct decision times. Source: the same book, chapter 4.
    """
    moments = np.unique(intervals.start)
    first = np.searchsorted(moments, intervals.start, side="left")
    last = np.searchsorted(moments, intervals.end, side="right")
    change = np.zeros(moments.size + 1)
    np.add.at(change, first, 1.0)
    np.add.at(change, last, -1.0)
    concurrent = np.cumsum(change)[:-1]
    share = np.concatenate([[0.0], np.cumsum(1.0 / concurrent)])
    return np.asarray((share[last] - share[first]) / (last - first), dtype=np.float64)
