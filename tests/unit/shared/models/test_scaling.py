"""Scaling is learned robustly, puts missing values at the median and never blows up."""

from __future__ import annotations

import numpy as np

from shared.models.scaling import RobustScaler


def test_scaled_training_values_are_centred_with_unit_spread_despite_outliers():
    values = np.random.default_rng(0).normal(5.0, 2.0, size=(5000, 1))
    values[:20] = 1e9
    scaled = RobustScaler.fit(values).transform(values)
    assert abs(np.median(scaled)) < 0.02
    assert abs(scaled.std() - 1.0) < 0.1
    assert scaled.max() == 4.0


def test_missing_values_land_on_the_median_and_are_counted():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    scaler = RobustScaler.fit(values)
    assert np.array_equal(scaler.missing, [0.25, 1.0])
    assert scaler.transform(values)[2, 0] == 0.0
    assert np.array_equal(scaler.transform(values)[:, 1], np.zeros(4))


def test_constant_and_mostly_zero_features_stay_finite():
    values = np.zeros((100, 2))
    values[:5, 1] = 3.0
    scaled = RobustScaler.fit(values).transform(values)
    assert np.all(scaled[:, 0] == 0.0)
    assert scaled[0, 1] > 1.0
