"""Drift stays quiet on more of the same and speaks up when features move, vanish or look like nothing known."""

from __future__ import annotations

import numpy as np

from shared.learning.drift import DriftReference, dissimilarity
from shared.learning.scaling import RobustScaler


def reference(seed=0):
    values = np.random.default_rng(seed).normal(size=(3000, 6))
    return DriftReference.fit(values, RobustScaler.fit(values).transform(values)), RobustScaler.fit(values)


def psi_of(drift, values):
    counts = np.zeros(drift.share.shape, dtype=np.int64)
    for row in values:
        counts[np.arange(6), drift.counts(row)] += 1
    return drift.psi(counts)


def test_more_of_the_same_is_no_drift():
    drift, _ = reference()
    assert psi_of(drift, np.random.default_rng(1).normal(size=(400, 6))).max() < 0.1


def test_shifted_and_vanished_features_are_named():
    drift, _ = reference()
    values = np.random.default_rng(2).normal(size=(400, 6))
    values[:, 1] += 1.0
    values[:, 4] = np.nan
    index = psi_of(drift, values)
    assert set(np.flatnonzero(index > 0.25)) == {1, 4}


def test_an_odd_vector_lies_beyond_the_limit_and_usual_ones_within():
    drift, scaler = reference()
    fresh = np.random.default_rng(3).normal(size=(2000, 6))
    assert np.mean(dissimilarity(scaler.transform(fresh)) > drift.distance_limit) < 0.002
    assert dissimilarity(scaler.transform(fresh[0] + 20.0)) > drift.distance_limit
