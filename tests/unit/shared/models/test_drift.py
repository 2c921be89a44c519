"""Drift stays quiet on more of the same and speaks up when features move, vanish or look like nothing known."""

from __future__ import annotations

import numpy as np

from shared.models.drift import DriftMonitor, DriftReference, dissimilarity
from shared.models.scaling import RobustScaler


def reference(seed: int = 0) -> tuple[DriftReference, RobustScaler]:
    values = np.random.default_rng(seed).normal(size=(3000, 6))
    scaler = RobustScaler.fit(values)
    return DriftReference.fit(values, scaler.transform(values), vectors_per_session=80.0), scaler


def monitor_of(drift: DriftReference, values: np.ndarray) -> DriftMonitor:
    monitor = DriftMonitor(drift)
    for row in values:
        monitor.take(row)
    return monitor


def test_more_of_the_same_is_no_drift():
    drift, _ = reference()
    monitor = monitor_of(drift, np.random.default_rng(1).normal(size=(800, 6)))
    assert monitor.psi().max() < 0.15
    assert monitor.index() < drift.index_limit


def test_shifted_and_vanished_features_are_named():
    drift, _ = reference()
    values = np.random.default_rng(2).normal(size=(800, 6))
    values[:, 1] += 1.0
    values[:, 4] = np.nan
    monitor = monitor_of(drift, values)
    assert set(np.flatnonzero(monitor.psi() > 0.25)) == {1, 4}
    assert monitor.index() > drift.index_limit


def test_nothing_is_judged_before_the_window_is_half_full():
    drift, _ = reference()
    assert monitor_of(drift, np.full((150, 6), 9.0)).index() == 0.0
    assert monitor_of(drift, np.full((250, 6), 9.0)).index() > drift.index_limit


def test_a_restored_monitor_goes_on_as_if_nothing_had_happened():
    drift, _ = reference()
    values = np.random.default_rng(4).normal(size=(500, 6))
    whole = monitor_of(drift, values)
    resumed = DriftMonitor(drift)
    resumed.restore(monitor_of(drift, values[:300]).checkpoint())
    for row in values[300:]:
        resumed.take(row)
    assert resumed.checkpoint() == whole.checkpoint()


def test_an_odd_vector_lies_beyond_the_limit_and_usual_ones_within():
    drift, scaler = reference()
    fresh = np.random.default_rng(3).normal(size=(2000, 6))
    assert np.mean(dissimilarity(scaler.transform(fresh)) > drift.distance_limit) < 0.002
    assert dissimilarity(scaler.transform(fresh[0] + 20.0)) > drift.distance_limit
