"""No training label touches a test label, whatever the intervals; purging finds a peeking split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInputError
from shared.models.validation import (
    LabelIntervals,
    Split,
    combinatorial_purged,
    overlapping_pairs,
    uniqueness,
    walk_forward,
)


@st.composite
def labelled_days(draw):
    per_day = draw(st.lists(st.integers(1, 8), min_size=8, max_size=14))
    start, end, groups = [], [], []
    for day, count in enumerate(per_day):
        offsets = sorted(draw(st.lists(st.integers(0, 90), min_size=count, max_size=count)))
        for offset in offsets:
            start.append(day * 100 + offset)
            end.append(start[-1] + draw(st.integers(0, 160)))
            groups.append(day)
    return LabelIntervals(np.array(start), np.array(end)), np.array(groups)


@given(labelled_days(), st.integers(1, 4), st.integers(0, 60))
def test_walk_forward_trains_only_on_what_was_known_before_the_test(sample, folds, embargo):
    intervals, groups = sample
    tested = []
    for split in walk_forward(intervals, groups, folds=folds, embargo_ns=embargo):
        assert overlapping_pairs(intervals, split) == 0
        begins = intervals.start[split.test].min()
        assert np.all(intervals.end[split.train] < begins - embargo)
        tested.append(split.test)
    whole = np.concatenate(tested)
    assert np.array_equal(whole, np.arange(whole[0], len(intervals)))


@given(labelled_days(), st.integers(0, 60))
def test_combinatorial_splits_never_overlap_and_respect_the_embargo(sample, embargo):
    intervals, groups = sample
    splits = list(combinatorial_purged(intervals, groups, blocks=4, test_blocks=2, embargo_ns=embargo))
    assert len(splits) == 6
    counts = np.zeros(len(intervals))
    for split in splits:
        assert overlapping_pairs(intervals, split) == 0
        assert np.intersect1d(split.train, split.test).size == 0
        counts[split.test] += 1
    assert np.all(counts == 3)


@given(labelled_days())
def test_overlap_count_equals_the_slow_definition(sample):
    intervals, _ = sample
    split = Split(np.arange(0, len(intervals), 2), np.arange(1, len(intervals), 2))
    slow = sum(
        any(intervals.start[i] <= intervals.end[j] and intervals.start[j] <= intervals.end[i] for j in split.test)
        for i in split.train
    )
    assert overlapping_pairs(intervals, split) == slow


def test_a_split_by_rows_alone_is_caught_as_a_leak():
    intervals = LabelIntervals(np.arange(100), np.arange(100) + 10)
    assert overlapping_pairs(intervals, Split(np.arange(50), np.arange(50, 100))) == 10


def test_uniqueness_of_separate_labels_is_one_and_of_stacked_ones_their_share():
    assert np.allclose(uniqueness(LabelIntervals(np.array([0, 10, 20]), np.array([5, 15, 25]))), 1.0)
    assert np.allclose(uniqueness(LabelIntervals(np.zeros(4, int), np.full(4, 9))), 0.25)
    partly = uniqueness(LabelIntervals(np.array([0, 5, 10]), np.array([5, 10, 10])))
    assert np.allclose(partly, [(1 + 0.5) / 2, (0.5 + 0.5) / 2, 0.5])


def test_backward_or_unordered_intervals_and_too_few_days_are_refused():
    with pytest.raises(BadInputError, match="end after they begin"):
        LabelIntervals(np.array([5]), np.array([4]))
    with pytest.raises(BadInputError, match="order of time"):
        LabelIntervals(np.array([5, 4]), np.array([6, 6]))
    short = LabelIntervals(np.arange(4), np.arange(4))
    with pytest.raises(BadInputError, match="groups to test"):
        list(walk_forward(short, np.zeros(4, int), folds=3))
