"""Stop above, target below, trail between, each on the tick and wider in a volatile market; what a purchase may cost."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.settings import RiskSettings
from shared.market.contracts import ContractTable
from shared.trading.levels import protect, purchase_limit

SETTINGS = RiskSettings(stop_fraction=0.30, target_fraction=0.25, trail_fraction=0.20, reference_volatility=0.12)
CONTRACTS, ON = ContractTable.load(), date(2025, 8, 29)


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


def limit(ask: float, buffer: float = 0.08, reference: float | None = None) -> float:
    rules = RiskSettings(limit_buffer=buffer)
    return purchase_limit(ask, rules, CONTRACTS, underlying="NIFTY", on=ON, reference=reference)


@pytest.mark.parametrize(
    ("ask", "buffer", "reference", "expected"),
    [
        (100.0, 0.08, None, 108.0),
        (100.3, 0.08, None, 108.35),
        (0.05, 0.08, None, 0.1),
        (170.0, 0.0, None, 170.0),
        (100.0, 0.3, 80.0, 112.0),
        (45.0, 0.39, 40.0, 60.0),
        (270.0, 0.08, 70.0, 98.0),
    ],
    ids=["buffer", "rounded up", "one tick", "no buffer", "share band", "absolute band", "beyond the band"],
)
def test_a_purchase_may_cost_the_ask_and_a_buffer_inside_the_band(
    ask: float, buffer: float, reference: float | None, expected: float
):
    assert limit(ask, buffer, reference) == pytest.approx(expected)


@given(
    ticks=st.integers(min_value=1, max_value=20_000),
    buffer=st.floats(min_value=0.0, max_value=0.39),
    reference=st.one_of(st.none(), st.floats(min_value=0.05, max_value=1_000.0)),
)
def test_a_purchase_is_marketable_unless_the_band_forbids_it(ticks: int, buffer: float, reference: float | None):
    ask = round(ticks * 0.05, 2)
    low, high = CONTRACTS.price_band(ask if reference is None else reference, ON, "NIFTY")
    most = limit(ask, buffer, reference)
    assert most == pytest.approx(round(most / 0.05) * 0.05)
    assert most <= high
    assert most >= min(ask, high)
    if reference is None:
        assert low <= ask <= most
