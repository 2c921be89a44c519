"""The regime model finds planted regimes, sees nothing of the future, and survives missing observations."""

from __future__ import annotations

import numpy as np
import pytest

from shared.errors import NoTrainingDataError
from shared.models.regime import REGIMES, fit_regimes, observations_of, regime_name

MEANS = np.array([[-2.6, 0.0, 0.35], [-2.2, 1.6, 0.0], [-2.2, -1.6, 0.0], [-1.3, 0.0, -0.5]])


def market(seed: int, sessions: int = 40, steps: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    states, starts = [], []
    for _ in range(sessions):
        state = rng.integers(4)
        for step in range(steps):
            if rng.random() < 0.04:
                state = rng.integers(4)
            states.append(state)
            starts.append(step == 0)
    truth = np.array(states)
    noise = rng.normal(size=(truth.size, 3)) * np.array([0.25, 0.5, 0.2])
    return MEANS[truth] + noise, np.array(starts), truth


def test_filtered_regimes_match_the_planted_ones_by_name():
    observed, starts, _ = market(1)
    model = fit_regimes(observed, starts)
    fresh, fresh_starts, truth = market(2)
    found = model.filter_sessions(fresh, fresh_starts).argmax(axis=1)
    assert np.mean(found == truth) > 0.9
    assert regime_name(np.array([0.1, 0.2, 0.1, 0.6])) == "volatile"


def test_the_future_changes_no_past_probability():
    observed, starts, _ = market(3, sessions=10)
    model = fit_regimes(observed, starts)
    before = model.filter_sessions(observed, starts)
    changed = observed.copy()
    changed[300:] = 99.0
    assert np.array_equal(before[:300], model.filter_sessions(changed, starts)[:300])


def test_missing_observations_leave_the_prior_and_never_break_it():
    observed, starts, _ = market(4, sessions=10)
    observed[::7, 1] = np.nan
    observed[5] = np.nan
    model = fit_regimes(observed, starts)
    probabilities = model.filter_sessions(observed, starts)
    assert np.allclose(probabilities.sum(axis=1), 1.0)
    nothing = np.full(3, np.nan)
    assert np.allclose(model.filter(nothing, probabilities[4]), probabilities[4] @ model.transition)


def test_fit_is_deterministic_and_one_regime_alone_still_has_names():
    rng = np.random.default_rng(5)
    flat = MEANS[0] + 0.2 * rng.normal(size=(600, 3))
    starts = np.arange(600) % 60 == 0
    first, second = fit_regimes(flat, starts), fit_regimes(flat, starts)
    assert all(np.array_equal(first.arrays()[key], second.arrays()[key]) for key in first.arrays())
    assert first.mean.shape == (len(REGIMES), 3)


def test_too_little_is_refused():
    with pytest.raises(NoTrainingDataError, match="50 observations"):
        fit_regimes(np.full((100, 3), np.nan), np.arange(100) == 0)


def test_an_observation_that_never_comes_leaves_the_others_to_decide():
    observed, starts, _ = market(6, sessions=20)
    observed[:, 1] = np.nan
    model = fit_regimes(observed, starts)
    assert np.isfinite(model.filter_sessions(observed, starts)).all()


def test_a_slow_feed_is_read_by_its_session_and_its_last_hour():
    names = ("atm_iv", "realised_vol_30m", "realised_vol_session", "trend_ema_fast_slow", "return_60m")
    observed = observations_of(np.array([[0.12, np.nan, 0.10, np.nan, 0.002]]), names)[0]
    assert observed == pytest.approx([np.log(0.10), 0.002 / (0.10 * np.sqrt(60 / 525_600)), np.log(1.2)])


def test_observations_come_from_named_features_and_are_missing_without_them():
    names = ("atm_iv", "realised_vol_30m", "trend_ema_fast_slow")
    observed = observations_of(np.array([[0.12, 0.10, 0.0005], [0.12, np.nan, 0.0005]]), names)
    assert observed[0, 0] == pytest.approx(np.log(0.10))
    assert observed[0, 1] == pytest.approx(0.0005 / (0.10 * np.sqrt(15 / 525_600)))
    assert observed[0, 2] == pytest.approx(np.log(1.2))
    assert np.isnan(observed[1, [0, 2]]).all()
    assert np.isfinite(observed[1, 1])
    assert np.isnan(observations_of(np.ones((2, 1)), ("other",))).all()
