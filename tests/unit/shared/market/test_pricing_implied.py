"""Implied volatility gives back the volatility a price was made with, agrees with others, and says why it is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfinv
from vollib.black.implied_volatility import implied_volatility_of_undiscounted_option_price as vollib_volatility

from shared.market.pricing import (
    VolatilityStatus,
    black76_greeks,
    black76_price,
    black_scholes_implied_volatility,
    black_scholes_price,
    implied_greeks,
    implied_volatility,
    solve_implied_volatility,
)

FORWARD = 24_000.0


def random_options(count: int, seed: int):
    """Five minutes to two years, 3 % to 200 %, strikes 2.5 deviations wide; only where vega exceeds 0.01."""
    rng = np.random.default_rng(seed)
    years = np.exp(rng.uniform(math.log(5 / 525_600), math.log(2.0), count))
    volatility = np.exp(rng.uniform(math.log(0.03), math.log(2.0), count))
    strike = FORWARD * np.exp(np.clip(2.5 * rng.standard_normal(count) * volatility * np.sqrt(years), -3.0, 3.0))
    is_call = rng.random(count) < 0.5
    keep = black76_greeks(FORWARD, strike, years, volatility, is_call).vega > 1e-2
    return strike[keep], years[keep], volatility[keep], is_call[keep]


class TestRoundTrip:
    def test_volatility_comes_back_to_1e_8_wherever_vega_exceeds_a_hundredth(self):
        strike, years, volatility, is_call = random_options(110_000, seed=3)
        assert strike.size > 100_000
        price = black76_price(FORWARD, strike, years, volatility, is_call)
        found = implied_volatility(price, FORWARD, strike, years, is_call)
        assert np.max(np.abs(found - volatility)) < 1e-8

    def test_out_of_the_money_it_comes_back_to_thirteen_digits(self):
        strike, years, volatility, _ = random_options(50_000, seed=4)
        is_call = strike > FORWARD
        price = black76_price(FORWARD, strike, years, volatility, is_call)
        found = implied_volatility(price, FORWARD, strike, years, is_call)
        # minutes before expiry ln(F/K) itself has only eleven digits
        longer = years > 1 / 365
        assert np.max(np.abs(found / volatility - 1.0)[longer]) < 1e-12
        assert np.max(np.abs(found / volatility - 1.0)) < 1e-10

    def test_discounting_is_undone(self):
        strike, years, volatility, is_call = random_options(20_000, seed=5)
        discount = np.exp(-0.065 * years)
        price = black76_price(FORWARD, strike, years, volatility, is_call, discount)
        found = implied_volatility(price, FORWARD, strike, years, is_call, discount)
        assert np.max(np.abs(found - volatility)) < 1e-8

    def test_on_spot_with_rate_and_yield(self):
        years, volatility = 30 / 365, 0.14
        strikes = np.arange(22_000.0, 26_001.0, 100.0)
        for is_call in (True, False):
            price = black_scholes_price(FORWARD, strikes, years, volatility, is_call, 0.07, 0.012)
            found = black_scholes_implied_volatility(price, FORWARD, strikes, years, is_call, 0.07, 0.012)
            np.testing.assert_allclose(found, volatility, rtol=1e-11)

    @pytest.mark.parametrize("deviations", [0.0, 1e-12, 1e-6, 0.5, 5.0, 15.0, 37.0])
    @pytest.mark.parametrize("deviation", [1e-4, 1e-2, 0.3, 1.0, 2.5])
    def test_far_strikes_with_prices_down_to_1e_290(self, deviations, deviation):
        strike = FORWARD * math.exp(deviations * deviation)
        price = black76_price(FORWARD, strike, 1.0, deviation, True)
        if price > 1e-290:
            found = float(implied_volatility(price, FORWARD, strike, 1.0, True))
            # far out the price formula is a difference of two nearly equal tails
            assert found == pytest.approx(deviation, rel=1e-9)

    @pytest.mark.parametrize("deviation", [3.0, 5.0, 8.0, 11.0])
    @pytest.mark.parametrize("strike", [8_000.0, 24_000.0, 72_000.0])
    def test_absurdly_high_volatility(self, strike, deviation):
        is_call = strike >= FORWARD
        price = black76_price(FORWARD, strike, 1.0, deviation, is_call)
        assert float(implied_volatility(price, FORWARD, strike, 1.0, is_call)) == pytest.approx(deviation, rel=1e-5)

    @given(st.floats(1e-4, 0.95))
    def test_at_the_money_it_is_the_inverse_error_function(self, share):
        found = float(implied_volatility(share * FORWARD, FORWARD, FORWARD, 1.0, True))
        assert found == pytest.approx(math.sqrt(8.0) * float(erfinv(share)), rel=1e-12)

    @given(st.floats(0.05, 3_000.0), st.floats(20_000.0, 28_000.0), st.floats(5 / 525_600, 1.0))
    def test_any_price_between_the_bounds_is_repriced(self, premium, strike, years):
        is_call = strike >= FORWARD
        found = implied_volatility(premium, FORWARD, strike, years, is_call)
        assert float(black76_price(FORWARD, strike, years, found, is_call)) == pytest.approx(premium, rel=1e-9)

    def test_published_price_gives_the_published_volatility(self):
        price = 5.5811067246048118
        assert float(implied_volatility(price, 100.0, 100.0, 0.5, True, math.exp(-0.01))) == pytest.approx(
            0.2, rel=1e-14
        )


class TestAgainstOthers:
    def test_it_agrees_with_vollib_and_quantlib(self):
        strike, years, volatility, is_call = random_options(400, seed=6)
        price = black76_price(FORWARD, strike, years, volatility, is_call)
        vega = black76_greeks(FORWARD, strike, years, volatility, is_call).vega
        ours = implied_volatility(price, FORWARD, strike, years, is_call)
        for at in np.flatnonzero(vega > 1.0):
            flag, kind = ("c", ql.Option.Call) if is_call[at] else ("p", ql.Option.Put)
            root = math.sqrt(years[at])
            jaeckel = vollib_volatility(price[at], FORWARD, strike[at], years[at], flag)
            newton = ql.blackFormulaImpliedStdDev(
                kind, strike[at], FORWARD, price[at], 1.0, 0.0, volatility[at] * root, 1e-13
            )
            assert ours[at] == pytest.approx(jaeckel, abs=1e-9)
            assert ours[at] == pytest.approx(newton / root, abs=1e-8)


class TestNoVolatility:
    @pytest.mark.parametrize(
        ("leg", "cause"),
        [
            ((math.nan, 24_000, 24_000, 0.1, True), VolatilityStatus.NO_QUOTE),
            ((0.0, 24_000, 24_000, 0.1, True), VolatilityStatus.NO_QUOTE),
            ((-1.0, 24_000, 24_000, 0.1, False), VolatilityStatus.NO_QUOTE),
            ((99.95, 24_000, 23_900, 0.1, True), VolatilityStatus.BELOW_INTRINSIC),
            ((100.0, 24_000, 23_900, 0.1, True), VolatilityStatus.BELOW_INTRINSIC),
            ((100.0, 24_000, 24_100, 0.1, False), VolatilityStatus.BELOW_INTRINSIC),
            ((24_000.0, 24_000, 23_900, 0.1, True), VolatilityStatus.ABOVE_BOUND),
            ((23_900.0, 24_000, 23_900, 0.1, False), VolatilityStatus.ABOVE_BOUND),
            ((100.0, 24_000, 24_000, 0.0, True), VolatilityStatus.EXPIRED),
            ((100.0, 24_000, 24_000, -0.0, True), VolatilityStatus.EXPIRED),
            ((100.0, 24_000, 24_000, -0.1, True), VolatilityStatus.EXPIRED),
            ((100.0, 24_000, 24_000, math.inf, True), VolatilityStatus.EXPIRED),
            ((100.0, 24_000, 24_000, math.nan, True), VolatilityStatus.EXPIRED),
            ((100.0, math.nan, 24_000, 0.1, True), VolatilityStatus.BAD_INPUT),
            ((100.0, math.inf, 24_000, 0.1, False), VolatilityStatus.BAD_INPUT),
            ((100.0, -24_000, -24_000, 0.1, True), VolatilityStatus.BAD_INPUT),
            ((100.0, 24_000, 0.0, 0.1, True), VolatilityStatus.BAD_INPUT),
        ],
    )
    def test_it_is_missing_with_its_cause(self, leg, cause):
        volatility, status = solve_implied_volatility(*leg)
        assert math.isnan(volatility)
        assert VolatilityStatus(int(status)) is cause
        assert math.isnan(implied_volatility(*leg))

    def test_next_to_the_bound_it_is_enormous_or_given_up_and_never_wrong_in_silence(self):
        strikes = 24_000.0 * np.exp(np.linspace(-3.0, 3.0, 601))
        is_call = strikes >= FORWARD
        price = np.nextafter(np.minimum(FORWARD, strikes), 0.0)
        found, status = solve_implied_volatility(price, FORWARD, strikes, 1.0, is_call)
        assert set(status.tolist()) <= {VolatilityStatus.OK, VolatilityStatus.NOT_CONVERGED}
        assert (found[status == VolatilityStatus.OK] > 12.0).all()

    def test_a_bad_discount_is_bad_input(self):
        for discount in (0.0, -1.0, math.nan):
            assert solve_implied_volatility(100.0, 24_000.0, 24_000.0, 0.1, True, discount)[1] == (
                VolatilityStatus.BAD_INPUT
            )

    def test_one_bad_leg_leaves_the_others_alone(self):
        strikes = np.array([23_900.0, 24_000.0, 24_100.0, 24_200.0])
        price = black76_price(FORWARD, strikes, 0.02, 0.12, True)
        clean = implied_volatility(price, FORWARD, strikes, 0.02, True)
        price[[0, 2]] = [90.0, math.nan]
        found, status = solve_implied_volatility(price, FORWARD, strikes, 0.02, True)
        np.testing.assert_array_equal(found[[1, 3]], clean[[1, 3]])
        assert status.tolist() == [
            VolatilityStatus.BELOW_INTRINSIC,
            VolatilityStatus.OK,
            VolatilityStatus.NO_QUOTE,
            VolatilityStatus.OK,
        ]

    @given(
        st.floats(-10.0, 60_000.0) | st.just(math.nan),
        st.floats(-100.0, 60_000.0),
        st.floats(-100.0, 60_000.0),
        st.floats(-0.1, 3.0),
        st.booleans(),
        st.floats(-0.1, 1.1),
    )
    def test_a_volatility_is_positive_and_finite_or_missing_with_a_cause(
        self, price, forward, strike, years, is_call, discount
    ):
        volatility, status = solve_implied_volatility(price, forward, strike, years, is_call, discount)
        if status == VolatilityStatus.OK:
            assert 0.0 < float(volatility) < math.inf
        else:
            assert math.isnan(volatility)


class TestShapes:
    def test_arguments_broadcast(self):
        strikes, sides = np.array([23_900.0, 24_000.0, 24_100.0]), np.array([[True], [False]])
        price = black76_price(FORWARD, strikes, 0.02, 0.12, sides)
        found, status = solve_implied_volatility(price, FORWARD, strikes, 0.02, sides)
        assert found.shape == status.shape == (2, 3)
        np.testing.assert_allclose(found, 0.12, rtol=1e-12)
        several = implied_volatility(150.0, FORWARD, 24_000.0, [0.01, 0.02, 0.04], True)
        assert several.shape == (3,)
        assert several[0] == pytest.approx(2.0 * several[2])

    def test_an_empty_chain_is_an_empty_answer(self):
        none = np.array([])
        found, status = solve_implied_volatility(none, FORWARD, none, 0.02, none.astype(bool))
        assert found.size == status.size == 0


class TestImpliedGreeks:
    def test_they_are_the_greeks_at_the_implied_volatility(self):
        strikes = np.arange(23_000.0, 25_001.0, 100.0)
        is_call = strikes >= FORWARD
        price = black76_price(FORWARD, strikes, 0.02, 0.12, is_call, 0.998)
        legs = implied_greeks(price, FORWARD, strikes, 0.02, is_call, 0.998)
        expected = black76_greeks(FORWARD, strikes, 0.02, 0.12, is_call, 0.998)
        np.testing.assert_allclose(legs.volatility, 0.12, rtol=1e-12)
        for name in ("delta", "gamma", "vega", "theta", "rho"):
            np.testing.assert_allclose(getattr(legs, name), getattr(expected, name), rtol=1e-9)

    def test_where_there_is_no_volatility_there_are_no_greeks(self):
        legs = implied_greeks([100.0, 0.0], FORWARD, [24_000.0, 24_000.0], 0.02, True)
        assert legs.status.tolist() == [VolatilityStatus.OK, VolatilityStatus.NO_QUOTE]
        for greek in (legs.volatility, legs.delta, legs.gamma, legs.vega, legs.theta, legs.rho):
            assert np.isfinite(greek[0])
            assert math.isnan(greek[1])
