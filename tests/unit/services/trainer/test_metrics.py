"""Probability scores agree with hand figures, with scikit-learn and with their own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from services.trainer.metrics import auc, brier, calibration_curve, log_loss
from shared.errors import BadInputError


def test_scores_equal_scikit_learn_on_random_forecasts():
    rng = np.random.default_rng(1)
    scores = rng.random(500).round(2)
    labels = (rng.random(500) < scores).astype(float)
    weights = rng.random(500)
    assert auc(labels, scores) == pytest.approx(oracle.roc_auc_score(labels, scores))
    assert brier(labels, scores, weights) == pytest.approx(
        oracle.brier_score_loss(labels, scores, sample_weight=weights)
    )
    held = np.clip(scores, 1e-6, 1 - 1e-6)
    assert log_loss(labels, scores) == pytest.approx(oracle.log_loss(labels, held))
    assert log_loss(labels, scores, weights) == pytest.approx(oracle.log_loss(labels, held, sample_weight=weights))
    assert log_loss(np.ones(3), np.full(3, 0.5)) == pytest.approx(np.log(2.0))
    assert brier(np.ones(3), np.full(3, 0.5)) == brier(np.zeros(3), np.full(3, 0.5)) == pytest.approx(0.25)


def test_auc_of_one_class_is_not_a_number_and_of_ties_one_half():
    assert np.isnan(auc(np.ones(4), np.arange(4.0)))
    assert auc(np.array([0.0, 1.0, 0.0, 1.0]), np.full(4, 0.3)) == 0.5


def test_calibration_error_of_true_probabilities_is_noise_and_of_shifted_ones_is_the_shift():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.3, 0.7, 20_000)
    labels = (rng.random(20_000) < truth).astype(float)
    assert calibration_curve(labels, truth).error < 0.015
    assert calibration_curve(labels, truth + 0.1).error == pytest.approx(0.1, abs=0.015)
    curve = calibration_curve(labels, truth, bins=7)
    assert curve.weight.sum() == pytest.approx(1.0)
    assert np.all(np.diff(curve.forecast) > 0)


def test_mismatched_or_broken_input_is_refused():
    with pytest.raises(BadInputError, match="one non-empty length"):
        brier(np.ones(3), np.ones(2))
    with pytest.raises(BadInputError, match="finite"):
        auc(np.array([0.0, 1.0]), np.array([0.1, np.nan]))
