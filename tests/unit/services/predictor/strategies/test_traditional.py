"""The traditional signal has the seller's sign and never turns doubt into certainty."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.predictor.strategies.traditional import name_regime, sellers_market, traditional_score

YEAR = 525_600.0
BULLISH = {
    "atm_iv": 0.12,
    "realised_vol_30m": 0.10,
    "trend_ema_fast_slow": 0.001,
    "return_15m": 0.002,
    "opening_range_position": 1.2,
    "pcr_oi": 1.4,
    "max_pain_distance": 0.003,
    "risk_reversal_25d": -0.005,
    "oi_build_imbalance": 0.8,
}
BEARISH = BULLISH | {
    "trend_ema_fast_slow": -0.001,
    "return_15m": -0.002,
    "opening_range_position": -0.2,
    "pcr_oi": 0.6,
    "max_pain_distance": -0.003,
    "risk_reversal_25d": -0.05,
    "oi_build_imbalance": -0.8,
}
NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6))


def test_a_rising_market_sells_the_put_and_a_falling_one_the_call():
    assert traditional_score(BULLISH, YEAR).direction == 1
    assert traditional_score(BEARISH, YEAR).direction == -1


def test_contributions_add_up_to_the_score_largest_first():
    score = traditional_score(BULLISH, YEAR)
    assert sum(part.contribution for part in score.contributions) == pytest.approx(score.log_odds)
    sizes = [abs(part.contribution) for part in score.contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_nothing_known_is_no_opinion():
    score = traditional_score({}, YEAR)
    assert (score.direction, score.confidence, score.contributions) == (0, 0.5, ())


@example(dict.fromkeys(BULLISH, 5e-324))
@given(st.dictionaries(st.sampled_from(sorted(BULLISH)), NUMBERS))
def test_confidence_is_a_probability_whatever_comes(features: dict[str, float | None]):
    assert 0.5 <= traditional_score(features, YEAR).confidence <= 1.0


def test_unpaid_volatility_is_not_sold():
    assert sellers_market(BULLISH, 1.5)
    assert not sellers_market(BULLISH | {"realised_vol_30m": 0.25}, 1.5)


def test_the_regime_is_named_only_when_it_is_known():
    assert name_regime({}, YEAR) == "warming_up"
    assert name_regime(BULLISH | {"realised_vol_30m": 0.3}, YEAR) == "volatile"
    assert name_regime(BULLISH | {"trend_ema_fast_slow": 0.0}, YEAR) == "calm"
