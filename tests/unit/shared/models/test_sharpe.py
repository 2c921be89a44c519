"""The published examples of the probabilistic and deflated Sharpe ratio come out to their printed digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.errors import BadInputError
from shared.models.sharpe import (
    ReturnMoments,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    return_moments,
)

EXAMPLE = ReturnMoments(sharpe=2.5 / math.sqrt(250), count=1250, skew=-3.0, kurtosis=10.0)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [(10, 1.574598), (20, 1.900708), (46, 2.244171), (88, 2.485295), (100, 2.530603), (1000, 3.255122)],
)
def test_expected_maximum_of_worthless_trials(trials, expected):
    assert expected_maximum_sharpe(trials) == pytest.approx(expected, abs=5e-7)


def test_deflated_sharpe_of_the_paper():
    variance = 0.5 / 250
    assert expected_maximum_sharpe(100, variance) == pytest.approx(0.11317, abs=5e-6)
    assert deflated_sharpe(EXAMPLE, 100, variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(EXAMPLE, 46, variance) == pytest.approx(0.9505, abs=5e-5)
    normal = ReturnMoments(EXAMPLE.sharpe, EXAMPLE.count)
    assert deflated_sharpe(normal, 88, variance) == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_of_two_years_of_months():
    assert probabilistic_sharpe(ReturnMoments(0.458, 24, -2.448, 10.164)) == pytest.approx(0.9134, abs=5e-5)
    assert probabilistic_sharpe(ReturnMoments(0.458, 24)) == pytest.approx(0.9817, abs=1e-4)


def test_track_record_needed_for_an_annual_sharpe_of_one():
    daily = ReturnMoments(1.0 / math.sqrt(252), 1)
    assert minimum_track_record(daily) == pytest.approx(684, abs=1.0)
    assert minimum_track_record(ReturnMoments(-0.1, 50)) == math.inf


def test_one_trial_expects_nothing_and_none_is_refused():
    assert expected_maximum_sharpe(1) == 0.0
    with pytest.raises(BadInputError, match="at least one trial"):
        expected_maximum_sharpe(0)


def test_moments_of_returns():
    rng = np.random.default_rng(3)
    moments = return_moments(rng.normal(0.1, 1.0, 50_000))
    assert moments.sharpe == pytest.approx(0.1, abs=0.02)
    assert moments.skew == pytest.approx(0.0, abs=0.05)
    assert moments.kurtosis == pytest.approx(3.0, abs=0.1)
    assert return_moments(np.zeros(10)).sharpe == 0.0
    with pytest.raises(BadInputError, match="at least 3 returns"):
        return_moments(np.zeros(2))
