"""Block intervals cover the truth as often as they claim, also when samples of a day move together."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from shared.errors import BadInputError
from shared.models.bootstrap import block_bootstrap, blocks_of


def test_interval_of_a_mean_covers_the_truth_although_days_move_together():
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=40), 10) + 0.1 * rng.normal(size=400)
        blocks = blocks_of(np.repeat(np.arange(40), 10))
        interval = block_bootstrap(blocks, partial(_mean_at, values), seed=seed, draws=200)
        covered += not interval.excludes(0.0)
    assert covered >= 51


def test_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).normal(size=100)
    blocks = blocks_of(np.arange(100) // 5)
    first = block_bootstrap(blocks, lambda at: values[at].mean(), seed=4, draws=50, run=2)
    assert first == block_bootstrap(blocks, lambda at: values[at].mean(), seed=4, draws=50, run=2)
    assert first.low < first.value < first.high


def test_blocks_keep_the_order_of_first_appearance():
    groups = blocks_of(np.array([7, 7, 3, 3, 3, 9]))
    assert [list(group) for group in groups] == [[0, 1], [2, 3, 4], [5]]


def test_one_block_is_refused():
    with pytest.raises(BadInputError, match="two blocks"):
        block_bootstrap([np.arange(5)], lambda at: float(at.size), seed=1)


def _mean_at(values: np.ndarray, at: np.ndarray) -> float:
    return float(values[at].mean())
