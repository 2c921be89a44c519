"""Range estimators meet worked figures and one another on simulated bars, and refuse impossible bars."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.market.volatility import (
    annualised_volatility,
    close_to_close_variance,
    garman_klass_variance,
    parkinson_variance,
    rogers_satchell_variance,
    yang_zhang_variance,
)

OPEN = [100.5, 101.2, 100.0, 102.4, 101.1]
HIGH = [102.0, 102.0, 103.0, 103.0, 104.0]
LOW = [99.0, 99.5, 99.8, 101.0, 100.9]
CLOSE = [101.0, 100.5, 102.0, 101.5, 103.5]
PREVIOUS = [100.0, *CLOSE[:-1]]


def simulated_bars(
    volatility: float, drift: float, bars: int = 4_000, ticks: int = 400
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20_250_829)
    moves = rng.normal(drift / ticks, volatility / math.sqrt(ticks), (bars, ticks))
    paths = np.concatenate([np.zeros((bars, 1)), np.cumsum(moves, axis=1)], axis=1)
    paths = 24_000.0 * np.exp(paths)
    return paths[:, 0], paths.max(axis=1), paths.min(axis=1), paths[:, -1]


@pytest.mark.parametrize(
    ("variance", "expected", "per_cent"),
    [
        (parkinson_variance(HIGH, LOW), 2.743497415844e-4, 26.2938),
        (garman_klass_variance(OPEN, HIGH, LOW, CLOSE), 2.958604711228e-4, 27.3051),
        (rogers_satchell_variance(OPEN, HIGH, LOW, CLOSE), 2.810385410026e-4, 26.6123),
        (yang_zhang_variance(OPEN, HIGH, LOW, CLOSE, PREVIOUS), 2.947644955995e-4, 27.2545),
        (close_to_close_variance([100.0, *CLOSE]), 1.278327393320e-4, 17.9482),
    ],
    ids=["parkinson", "garman_klass", "rogers_satchell", "yang_zhang", "close_to_close"],
)
def test_worked_week(variance, expected, per_cent):
    assert float(variance) == pytest.approx(expected, rel=1e-12)
    assert float(100.0 * annualised_volatility(variance)) == pytest.approx(per_cent, abs=5e-5)


def test_every_estimator_finds_the_volatility_of_a_driftless_path():
    bars = simulated_bars(0.01, drift=0.0)
    opened, high, low, closed = bars
    for variance in (
        parkinson_variance(high, low),
        garman_klass_variance(*bars),
        rogers_satchell_variance(*bars),
        yang_zhang_variance(*bars, opened),
        np.var(np.log(closed / opened), ddof=1),
    ):
        # ranges sampled at 400 points fall short of the continuous range by a few per cent
        assert math.sqrt(float(variance)) == pytest.approx(0.01, rel=0.06)


def test_only_rogers_satchell_and_yang_zhang_ignore_drift():
    bars = simulated_bars(0.01, drift=0.015)
    assert math.sqrt(float(rogers_satchell_variance(*bars))) == pytest.approx(0.01, rel=0.08)
    assert math.sqrt(float(yang_zhang_variance(*bars, bars[0]))) == pytest.approx(0.01, rel=0.08)
    assert math.sqrt(float(parkinson_variance(bars[1], bars[2]))) > 0.012


def test_yang_zhang_sees_gaps_between_bars():
    opened, high, low, closed = simulated_bars(0.01, drift=0.0)
    gaps = np.random.default_rng(7).normal(0.0, 0.02, opened.size)
    with_gaps = yang_zhang_variance(opened, high, low, closed, opened * np.exp(-gaps))
    assert float(with_gaps) == pytest.approx(0.01**2 + 0.02**2, rel=0.1)


@given(st.floats(0.01, 1e4))
def test_scaling_all_prices_changes_nothing(scale):
    scaled = [np.array(side) * scale for side in (OPEN, HIGH, LOW, CLOSE, PREVIOUS)]
    assert float(yang_zhang_variance(*scaled)) == pytest.approx(2.947644955995e-4, rel=1e-9)
    assert float(garman_klass_variance(*scaled[:4])) == pytest.approx(2.958604711228e-4, rel=1e-9)


def test_windows_go_along_the_last_axis():
    stacked = [np.stack([side, np.array(side) * 2.0]) for side in (OPEN, HIGH, LOW, CLOSE, PREVIOUS)]
    assert yang_zhang_variance(*stacked) == pytest.approx([2.947644955995e-4] * 2, rel=1e-9)
    assert parkinson_variance(*stacked[1:3]).shape == (2,)


@pytest.mark.parametrize(
    ("place", "value"), [(0, math.nan), (1, 90.0), (2, 110.0), (3, 0.0), (3, -5.0), (3, 200.0)], ids=str
)
def test_a_missing_or_impossible_bar_makes_the_window_missing(place, value):
    sides = [list(side) for side in (OPEN, HIGH, LOW, CLOSE)]
    sides[place][2] = value
    opened, high, low, closed = sides
    assert math.isnan(garman_klass_variance(opened, high, low, closed))
    assert math.isnan(rogers_satchell_variance(opened, high, low, closed))
    assert math.isnan(yang_zhang_variance(opened, high, low, closed, PREVIOUS))


def test_high_below_low_is_missing_for_parkinson():
    assert math.isnan(parkinson_variance([100.0, 99.0], [99.0, 100.0]))


def test_too_few_bars_are_missing_and_not_zero():
    assert math.isnan(close_to_close_variance([100.0, 101.0]))
    assert math.isnan(yang_zhang_variance([100.0], [101.0], [99.0], [100.5], [100.0]))
    assert math.isnan(parkinson_variance([], []))
