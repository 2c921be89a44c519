"""Stop above, target below, trail between, each on the tick and wider in a volatile market."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.settings import RiskSettings
from shared.trading.levels import protect

SETTINGS = RiskSettings(stop_fraction=0.30, target_fraction=0.25, trail_fraction=0.20, reference_volatility=0.12)


def test_at_the_reference_volatility_the_fractions_hold():
    levels = protect(100.0, 0.12, SETTINGS)
    assert (levels.stop, levels.target, levels.trail) == (130.0, 75.0, 20.0)
    assert protect(100.0, None, SETTINGS) == levels


@pytest.mark.parametrize(("volatility", "stop"), [(0.06, 122.5), (0.01, 122.5), (0.15, 137.5), (0.60, 145.0)])
def test_levels_widen_and_narrow_with_volatility_within_bounds(volatility: float, stop: float):
    assert protect(100.0, volatility, SETTINGS).stop == pytest.approx(stop)


@given(ticks=st.integers(min_value=1, max_value=20_000), volatility=st.floats(min_value=0.001, max_value=5.0))
def test_the_stop_is_always_above_the_target_below_and_all_on_the_tick(ticks: int, volatility: float):
    premium = round(ticks * 0.05, 2)
    levels = protect(premium, volatility, SETTINGS)
    assert levels.stop > premium
    assert 0.05 <= levels.target <= max(premium, 0.05)
    assert levels.trail >= 0.05
    for level in (levels.stop, levels.target, levels.trail):
        assert level == pytest.approx(round(level / 0.05) * 0.05)
