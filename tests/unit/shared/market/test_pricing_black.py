"""Prices and Greeks meet published examples and two independent libraries, and obey the laws of option prices."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses
from hypothesis import given
from hypothesis import strategies as st
from vollib.black.greeks.analytical import delta as vollib_delta
from vollib.black.greeks.analytical import gamma as vollib_gamma
from vollib.black.greeks.analytical import theta as vollib_theta
from vollib.black.greeks.analytical import vega as vollib_vega

from shared.market.pricing import (
    black76_greeks,
    black76_price,
    black_scholes_greeks,
    black_scholes_price,
    minutes_between,
    year_fraction,
)

FORWARDS = st.floats(15_000.0, 35_000.0)
DEVIATIONS = st.floats(-4.0, 4.0)
YEARS = st.floats(5 / 525_600, 2.0)
VOLATILITIES = st.floats(0.03, 2.0)
DISCOUNTS = st.floats(0.85, 1.0)


def random_options(count: int, seed: int):
    rng = np.random.default_rng(seed)
    years = np.exp(rng.uniform(math.log(5 / 525_600), math.log(2.0), count))
    volatility = np.exp(rng.uniform(math.log(0.03), math.log(2.0), count))
    strike = 24_000.0 * np.exp(np.clip(2.0 * rng.standard_normal(count) * volatility * np.sqrt(years), -2.0, 2.0))
    return strike, years, volatility, rng.random(count) < 0.5


class TestPublishedFigures:
    @pytest.mark.parametrize(
        ("option", "is_call", "expected"),
        [
            ((60, 65, 0.25, 0.30, 0.08, 0.0), True, 2.1334),
            ((100, 95, 0.5, 0.20, 0.10, 0.05), False, 2.4648),
            ((19, 19, 0.75, 0.28, 0.10, 0.10), False, 1.7011),
            ((1.56, 1.60, 0.5, 0.12, 0.06, 0.08), True, 0.0291),
            ((75, 70, 0.5, 0.35, 0.10, 0.05), False, 4.0870),
            ((42, 40, 0.75, 0.35, 0.04, 0.08), True, 5.0975),
            ((42, 40, 0.5, 0.20, 0.10, 0.0), True, 4.7594),
            ((42, 40, 0.5, 0.20, 0.10, 0.0), False, 0.8086),
        ],
    )
    def test_black_scholes_prices(self, option, is_call, expected):
        spot, strike, years, volatility, rate, dividend_yield = option
        price = black_scholes_price(spot, strike, years, volatility, is_call, rate, dividend_yield)
        assert float(price) == pytest.approx(expected, abs=5e-5)

    def test_haug_greeks(self):
        futures = black_scholes_greeks(105.0, 100.0, 0.5, 0.36, [True, False], 0.10, 0.10)
        assert futures.delta == pytest.approx([0.5946, -0.3566], abs=5e-5)
        stock = black_scholes_greeks(55.0, 60.0, 0.75, 0.30, True, 0.10)
        assert float(stock.gamma) == pytest.approx(0.0278, abs=5e-5)
        assert float(stock.vega) == pytest.approx(18.9358, abs=5e-5)
        index = black_scholes_greeks(430.0, 405.0, 1 / 12, 0.20, False, 0.07, 0.05)
        assert float(index.theta) == pytest.approx(-31.1924, abs=5e-5)

    def test_textbook_greeks_at_the_money(self):
        greeks = black_scholes_greeks(100.0, 100.0, 1.0, 0.20, True, 0.05)
        assert float(greeks.delta) == pytest.approx(0.636831, abs=5e-7)
        assert float(greeks.gamma) == pytest.approx(0.018762, abs=5e-7)
        assert float(greeks.vega) / 100.0 == pytest.approx(0.37524, abs=5e-6)
        assert float(greeks.rho) / 100.0 == pytest.approx(0.532325, abs=5e-7)

    def test_black_76_prices(self):
        assert float(black76_price(100, 100, 0.5, 0.2, True, math.exp(-0.01))) == pytest.approx(
            5.5811067246048118, rel=1e-14
        )
        assert float(black76_price(100, 100, 0.5, 0.2, True)) == pytest.approx(5.637197779701664, rel=1e-14)
        scale = math.sqrt(95.0 * 100.0)
        put, call = (black76_price(100, 95, 0.5, 0.3, is_call) / scale for is_call in (False, True))
        assert float(put) == pytest.approx(0.061296663817558904, rel=1e-13)
        assert float(call) == pytest.approx(0.11259558142181655, rel=1e-13)

    def test_black_76_greeks(self):
        greeks = black76_greeks(49.0, 50.0, 0.3846, 0.2, [True, False], math.exp(-0.05 * 0.3846))
        assert greeks.delta[0] == pytest.approx(0.45107017482201828, rel=1e-13)
        assert greeks.gamma == pytest.approx(0.0640646705882, rel=1e-11)
        assert greeks.vega / 100.0 == pytest.approx(0.118317785624, rel=1e-11)
        assert greeks.theta / 365.0 == pytest.approx([-0.00816236877462, -0.00802799155312], rel=1e-11)


@pytest.fixture(scope="module")
def options():
    return random_options(2_000, seed=1)


class TestAgainstQuantLib:
    def test_on_the_forward(self, options):
        strike, years, volatility, is_call = options
        discount = np.exp(-0.06 * years)
        ours = black76_greeks(24_000.0, strike, years, volatility, is_call, discount)
        for at in range(strike.size):
            kind = ql.Option.Call if is_call[at] else ql.Option.Put
            deviation = volatility[at] * math.sqrt(years[at])
            theirs = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike[at]), 24_000.0, deviation, discount[at])
            # their price is a difference of two terms of the size of the forward
            assert ours.price[at] == pytest.approx(theirs.value(), rel=1e-9, abs=1e-9)
            assert ours.delta[at] == pytest.approx(theirs.deltaForward(), rel=1e-9, abs=1e-12)
            assert ours.gamma[at] == pytest.approx(theirs.gammaForward(), rel=1e-8, abs=1e-15)
            assert ours.vega[at] == pytest.approx(theirs.vega(years[at]), rel=1e-8, abs=1e-9)

    def test_on_spot_with_rate_and_yield(self, options):
        strike, years, volatility, is_call = options
        rate, dividend_yield = 0.065, 0.012
        ours = black_scholes_greeks(24_000.0, strike, years, volatility, is_call, rate, dividend_yield)
        for at in range(strike.size):
            t = years[at]
            kind = ql.Option.Call if is_call[at] else ql.Option.Put
            forward = 24_000.0 * math.exp((rate - dividend_yield) * t)
            theirs = ql.BlackCalculator(
                ql.PlainVanillaPayoff(kind, strike[at]), forward, volatility[at] * math.sqrt(t), math.exp(-rate * t)
            )
            assert ours.price[at] == pytest.approx(theirs.value(), rel=1e-9, abs=1e-9)
            assert ours.delta[at] == pytest.approx(theirs.delta(24_000.0), rel=1e-9, abs=1e-12)
            assert ours.gamma[at] == pytest.approx(theirs.gamma(24_000.0), rel=1e-8, abs=1e-15)
            assert ours.theta[at] == pytest.approx(theirs.theta(24_000.0, t), rel=1e-7, abs=1e-6)
            assert ours.rho[at] == pytest.approx(theirs.rho(t), rel=1e-8, abs=1e-8)


def test_greeks_agree_with_vollib():
    strike, years, volatility, is_call = random_options(300, seed=2)
    rate = 0.05
    ours = black76_greeks(24_000.0, strike, years, volatility, is_call, np.exp(-rate * years))
    for at in range(strike.size):
        option = ("c" if is_call[at] else "p", 24_000.0, strike[at], years[at], rate, volatility[at])
        assert ours.delta[at] == pytest.approx(vollib_delta(*option), rel=1e-9, abs=1e-12)
        assert ours.gamma[at] == pytest.approx(vollib_gamma(*option), rel=1e-8, abs=1e-15)
        assert ours.vega[at] / 100.0 == pytest.approx(vollib_vega(*option), rel=1e-8, abs=1e-11)
        assert ours.theta[at] / 365.0 == pytest.approx(vollib_theta(*option), rel=1e-7, abs=1e-8)


class TestLaws:
    @given(FORWARDS, DEVIATIONS, YEARS, VOLATILITIES, DISCOUNTS)
    def test_put_call_parity(self, forward, deviations, years, volatility, discount):
        strike = forward * math.exp(deviations * volatility * math.sqrt(years))
        call, put = (float(black76_price(forward, strike, years, volatility, side, discount)) for side in (True, False))
        assert call - put == pytest.approx(discount * (forward - strike), rel=1e-12, abs=1e-9 * max(forward, strike))

    @given(FORWARDS, DEVIATIONS, YEARS, VOLATILITIES, DISCOUNTS, st.booleans())
    def test_price_lies_between_intrinsic_value_and_bound(
        self, forward, deviations, years, volatility, discount, is_call
    ):
        strike = forward * math.exp(deviations * volatility * math.sqrt(years))
        price = float(black76_price(forward, strike, years, volatility, is_call, discount))
        gain = forward - strike if is_call else strike - forward
        assert discount * max(gain, 0.0) <= price <= discount * (forward if is_call else strike)

    @given(FORWARDS, DEVIATIONS, YEARS, VOLATILITIES, st.booleans())
    def test_price_rises_with_volatility_and_time(self, forward, deviations, years, volatility, is_call):
        strike = forward * math.exp(deviations * volatility * math.sqrt(years))
        prices = black76_price(
            forward, strike, years * np.array([1.0, 1.0, 1.1]), volatility * np.array([1.0, 1.1, 1.1]), is_call
        )
        assert prices[0] <= prices[1] <= prices[2]

    @given(FORWARDS, YEARS, VOLATILITIES)
    def test_calls_fall_and_puts_rise_with_the_strike_and_both_are_convex(self, forward, years, volatility):
        strikes = forward * np.linspace(0.8, 1.2, 41)
        call, put = (black76_price(forward, strikes, years, volatility, side) for side in (True, False))
        rounding = 1e-9 * forward
        assert (np.diff(call) <= rounding).all()
        assert (np.diff(put) >= -rounding).all()
        assert (np.diff(call, 2) >= -rounding).all()

    @given(FORWARDS, st.floats(-2.0, 2.0), st.floats(1 / 365, 2.0), st.floats(0.05, 1.0), st.booleans())
    def test_greeks_are_the_slopes_of_the_price(self, spot, deviations, years, volatility, is_call):
        rate, dividend_yield = 0.07, 0.02
        strike = spot * math.exp(deviations * volatility * math.sqrt(years))
        greeks = black_scholes_greeks(spot, strike, years, volatility, is_call, rate, dividend_yield)

        def slope(place: int, step: float) -> float:
            up, down = ([spot, strike, years, volatility, is_call, rate, dividend_yield] for _ in range(2))
            up[place] += step
            down[place] -= step
            return float(black_scholes_price(*up) - black_scholes_price(*down)) / (2.0 * step)

        width = spot * volatility * math.sqrt(years)
        assert float(greeks.delta) == pytest.approx(slope(0, 1e-4 * width), rel=1e-5, abs=1e-6)
        assert float(greeks.vega) == pytest.approx(slope(3, 1e-4 * volatility), rel=1e-5, abs=1e-4 * width)
        assert float(greeks.theta) == pytest.approx(-slope(2, 1e-4 * years), rel=1e-4, abs=1e-3 * width / years)
        assert float(greeks.rho) == pytest.approx(slope(5, 1e-5), rel=1e-4, abs=1e-3)
        moved = black_scholes_greeks(
            np.array([spot - 1e-4 * width, spot + 1e-4 * width]),
            strike,
            years,
            volatility,
            is_call,
            rate,
            dividend_yield,
        )
        bend = (moved.delta[1] - moved.delta[0]) / (2e-4 * width)
        assert float(greeks.gamma) == pytest.approx(bend, rel=1e-4, abs=1e-6 / width)

    @given(FORWARDS, DEVIATIONS, YEARS, VOLATILITIES, st.booleans())
    def test_prices_scale_with_the_money_unit(self, forward, deviations, years, volatility, is_call):
        strike = forward * math.exp(deviations * volatility * math.sqrt(years))
        one, hundred = (
            float(black76_price(unit * forward, unit * strike, years, volatility, is_call)) for unit in (1.0, 128.0)
        )
        assert hundred == pytest.approx(128.0 * one, rel=1e-12)


class TestEdges:
    @pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.2), (0.1, 0.0), (0.0, 0.0)])
    def test_without_time_or_volatility_the_price_is_intrinsic_and_greeks_are_missing(self, years, volatility):
        strikes = [23_900.0, 24_000.0, 24_100.0]
        assert black76_price(24_000.0, strikes, years, volatility, True).tolist() == [100.0, 0.0, 0.0]
        greeks = black76_greeks(24_000.0, strikes, years, volatility, False)
        assert greeks.price.tolist() == [0.0, 0.0, 100.0]
        assert np.isnan(greeks[1:]).all()

    @pytest.mark.parametrize("place", range(4))
    def test_a_missing_or_negative_argument_gives_a_missing_price(self, place):
        for value in (math.nan, -1.0):
            arguments = [24_000.0, 24_000.0, 0.1, 0.2]
            arguments[place] = value
            forward, strike, years, volatility = arguments
            assert math.isnan(black76_price(forward, strike, years, volatility, True))

    def test_minutes_before_the_close_every_greek_is_finite(self):
        strikes = np.arange(20_000.0, 28_001.0, 50.0)
        for is_call in (True, False):
            greeks = black76_greeks(24_010.0, strikes, year_fraction(1.0), 0.3, is_call)
            assert np.isfinite(greeks).all()

    def test_results_have_the_broadcast_shape(self):
        greeks = black76_greeks(24_000.0, [[23_900.0], [24_100.0]], [0.1, 0.2, 0.3], 0.2, True)
        assert {greek.shape for greek in greeks} == {(2, 3)}
        assert black76_greeks(24_000.0, 24_000.0, 0.1, 0.2, [True, False]).gamma.shape == (2,)


class TestYearFraction:
    def test_a_year_has_525600_minutes(self):
        assert float(year_fraction(525_600.0)) == 1.0

    def test_the_last_minutes_count_as_five(self):
        assert year_fraction([0.0, 3.0, 5.0]).tolist() == [5.0 / 525_600.0] * 3

    def test_after_the_close_there_is_no_time(self):
        assert np.isnan(year_fraction([-0.001, math.nan])).all()

    def test_minutes_come_from_nanoseconds(self):
        close = 1_756_461_000_000_000_000
        assert float(minutes_between(close - 90_000_000_000, close)) == 1.5
        assert float(minutes_between(close + 60_000_000_000, close)) == -1.0
