"""What time takes from an option, and why a share of the time is what a seller keeps."""

from __future__ import annotations

import numpy as np
import pytest

from shared.market.pricing import black76_price
from shared.trading.decay import decay
from shared.trading.fills import round_trip_spread
from tests.builders import CALL, PUT, contract

FORWARD, YEARS, VOLATILITY = 24_500.0, 0.004, 0.12


def lost(lapse: float, strike: float = 24_500.0, years: float = YEARS) -> float:
    return decay(contract(strike, PUT), forward=FORWARD, years=years, volatility=VOLATILITY, lapse=lapse)


def test_time_takes_from_an_option_and_a_negative_lapse_adds_to_it():
    assert lost(0.001) > 0.0
    assert lost(0.0) == 0.0
    assert lost(-0.001) < 0.0


def test_all_of_the_time_takes_all_of_the_time_value_and_no_more():
    whole = float(black76_price(FORWARD, 24_500.0, YEARS, VOLATILITY, is_call=False))
    assert lost(YEARS) == pytest.approx(whole)
    assert lost(10.0 * YEARS) == pytest.approx(whole)


def test_an_at_the_money_option_decays_with_the_root_of_time():
    assert lost(0.75 * YEARS) == pytest.approx(0.5 * lost(YEARS), rel=1e-4)


@pytest.mark.parametrize(("strike", "kind"), [(24_500.0, PUT), (24_300.0, PUT), (24_700.0, CALL)])
def test_the_share_of_the_time_is_what_a_seller_keeps_of_a_market_that_moves_less_than_implied(strike, kind):
    realised, lapse, paths = 0.10, 0.002, 400_000
    shocks = np.random.default_rng(5).standard_normal(paths)
    shocks = np.concatenate((shocks, -shocks))
    levels = FORWARD * np.exp(realised * np.sqrt(lapse) * shocks - 0.5 * realised**2 * lapse)
    is_call = kind is CALL
    sold = float(black76_price(FORWARD, strike, YEARS, VOLATILITY, is_call))
    bought = float(black76_price(levels, strike, YEARS - lapse, VOLATILITY, is_call).mean())
    share = 1.0 - realised**2 / VOLATILITY**2
    kept = decay(contract(strike, kind), forward=FORWARD, years=YEARS, volatility=VOLATILITY, lapse=share * lapse)
    assert sold - bought == pytest.approx(kept, abs=0.12)


class Impact:
    impact_points, impact_fraction = 0.05, 0.01


def test_a_round_trip_pays_the_spread_and_impact_on_both_sides():
    assert round_trip_spread(99.0, 101.0, Impact()) == pytest.approx(2.0 + 0.1 + 2.0)
