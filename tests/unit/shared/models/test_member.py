"""A batch shows a member each vector with what came before it in its session, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from shared.models.member import VectorBatch

POOL = np.arange(12.0).reshape(6, 2)
STARTS = np.array([True, False, False, False, True, False])


@pytest.fixture
def batch():
    return VectorBatch(POOL, np.array([1, 3, 5]), STARTS)


def test_windows_end_at_the_vector_and_begin_with_its_session(batch):
    assert batch.windows(3).tolist() == [[-1, 0, 1], [1, 2, 3], [-1, 4, 5]]
    values, there = batch.sequences(3)
    assert there.tolist() == [[False, True, True], [True, True, True], [False, True, True]]
    np.testing.assert_array_equal(values[there], POOL[[0, 1, 1, 2, 3, 4, 5]])
    assert np.isnan(values[~there]).all()


def test_one_vector_alone_is_what_a_decision_has_of_its_session(batch):
    alone = batch.alone(1, 3)
    np.testing.assert_array_equal(alone.pool, POOL[1:4])
    np.testing.assert_array_equal(alone.values, POOL[[3]])
    np.testing.assert_array_equal(batch.alone(2, 3).pool, POOL[4:])


def test_pieces_and_some_ask_about_the_same_vectors(batch):
    np.testing.assert_array_equal(np.concatenate([piece.values for piece in batch.pieces(2)]), batch.values)
    assert [len(piece) for piece in batch.pieces(2)] == [2, 1]
    np.testing.assert_array_equal(batch.take(np.array([2, 0])).values, POOL[[5, 1]])


def test_what_several_members_want_is_made_once(batch):
    made = []

    def total(values):
        made.append(values)
        return values.sum()

    assert batch.once(total) == batch.once(total) == POOL[[1, 3, 5]].sum()
    assert len(made) == 1


def test_nobody_writes_into_what_others_read(batch):
    with pytest.raises(ValueError, match="read-only"):
        batch.values[0] = 0.0
