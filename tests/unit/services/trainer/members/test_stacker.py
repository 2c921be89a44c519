"""The stacker finds whom to believe, keeps each side's own level, and stays calibrated."""

from __future__ import annotations

import numpy as np
import pytest

from services.trainer.members.stacker import fit_meta
from services.trainer.metrics import calibration_curve
from shared.models.stacking import sigmoid

DAYS, PER_DAY = 400, 20


@pytest.fixture(scope="module")
def fitted():
    """Four members of whom the first knows; puts pay more often than calls."""
    rng = np.random.default_rng(9)
    count = DAYS * PER_DAY
    outputs = 0.7 * rng.normal(size=(count, 2, 4))
    levels = np.array([0.3, -0.3])
    truth = outputs[:, :, 0] + levels
    labels = (rng.random((count, 2)) < sigmoid(truth)).astype(float)
    regimes = rng.dirichlet(np.ones(4), size=count)
    folds = np.repeat(np.arange(4), count // 4)
    metas, log_odds = fit_meta(outputs, regimes, labels, np.ones(count), folds, days=DAYS)
    return metas, log_odds, truth, labels


def test_who_knows_counts_most_and_for_both_sides_alike(fitted):
    (put, call), _, _, _ = fitted
    assert np.argmax(put.weight) == 0
    assert np.array_equal(put.weight, call.weight)
    assert put.slope == call.slope


def test_each_side_keeps_its_level(fitted):
    (put, call), log_odds, _, _ = fitted
    assert put.bias + put.offset > 0.05
    assert call.bias + call.offset < -0.05
    assert log_odds[:, 0].mean() > 0.1 > -0.1 > log_odds[:, 1].mean()


def test_cross_fitted_log_odds_follow_the_truth_and_mean_what_they_say(fitted):
    _, log_odds, truth, labels = fitted
    assert np.corrcoef(log_odds.ravel(), truth.ravel())[0, 1] > 0.9
    for side in (0, 1):
        assert calibration_curve(labels[:, side], sigmoid(log_odds[:, side])).error < 0.05


def test_the_regime_of_one_side_does_not_leak_into_the_other():
    rng = np.random.default_rng(3)
    count = DAYS * PER_DAY
    regimes = np.eye(4)[rng.integers(0, 4, count)]
    labels = rng.integers(0, 2, (count, 2)).astype(float)
    labels[regimes[:, 1] == 1.0, 0] = 1.0
    outputs = 0.1 * rng.normal(size=(count, 2, 4))
    folds = np.repeat(np.arange(4), count // 4)
    (put, call), _ = fit_meta(outputs, regimes, labels, np.ones(count), folds, days=DAYS)
    assert np.argmax(put.regime_bias) == 1
    assert put.regime_bias[1] > 0.02 > abs(call.regime_bias[1])
