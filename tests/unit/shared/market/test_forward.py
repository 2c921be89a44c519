"""The parity forward is exact on consistent quotes, needs no spot, and withstands holes and bad quotes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.market.forward import mid_quote, parity_forward
from shared.market.pricing import black76_price

STRIKES = np.arange(22_000.0, 26_001.0, 50.0)


Chain = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Strikes, then bid and ask of the calls and of the puts."""


def rows_of(quotes: Chain, rows: np.ndarray | slice) -> Chain:
    strikes, call_bid, call_ask, put_bid, put_ask = (side[rows].copy() for side in quotes)
    return strikes, call_bid, call_ask, put_bid, put_ask


def consistent_quotes(forward: float, years: float = 5 / 365, discount: float = 1.0, half_spread: float = 0.5) -> Chain:
    call = black76_price(forward, STRIKES, years, 0.12, True, discount) + 1.0
    put = black76_price(forward, STRIKES, years, 0.12, False, discount) + 1.0
    return STRIKES, call - half_spread, call + half_spread, put - half_spread, put + half_spread


@given(st.floats(22_500.0, 25_500.0), st.floats(0.9, 1.0), st.integers(3, 9))
def test_consistent_quotes_give_their_forward_exactly(forward, discount, strikes_used):
    estimate = parity_forward(
        *consistent_quotes(forward, discount=discount), discount=discount, strikes_used=strikes_used
    )
    assert estimate.forward == pytest.approx(forward, abs=1e-8)
    assert estimate.dispersion == pytest.approx(0.0, abs=1e-8)
    assert estimate.strikes_used == strikes_used


def test_one_wrong_quote_moves_the_dispersion_and_not_the_forward():
    quotes = consistent_quotes(24_187.75)
    at = int(np.searchsorted(STRIKES, 24_200.0))
    quotes[1][at] += 20.0
    quotes[2][at] += 20.0
    estimate = parity_forward(*quotes)
    assert estimate.forward == pytest.approx(24_187.75, abs=1e-8)
    assert estimate.dispersion == pytest.approx(20.0)


def test_a_far_strike_with_two_equal_wide_quotes_is_not_the_money():
    strikes, call_bid, call_ask, put_bid, put_ask = consistent_quotes(24_187.75)
    call_bid[-1] = put_bid[-1] = 1.0
    call_ask[-1] = put_ask[-1] = 3_000.0
    assert parity_forward(strikes, call_bid, call_ask, put_bid, put_ask).forward == pytest.approx(24_187.75)


def test_holes_at_the_money_are_bridged_by_the_next_strikes():
    strikes, call_bid, call_ask, put_bid, put_ask = consistent_quotes(24_187.75)
    near = np.abs(strikes - 24_187.75) < 120.0
    call_bid[near] = 0.0
    put_ask[~near & (strikes < 24_300.0) & (strikes > 24_200.0)] = math.nan
    estimate = parity_forward(strikes, call_bid, call_ask, put_bid, put_ask)
    assert estimate.forward == pytest.approx(24_187.75)
    assert estimate.strikes_used == 5


def test_the_order_of_strikes_does_not_matter():
    quotes = consistent_quotes(24_187.75, half_spread=0.3)
    shuffled = np.random.default_rng(3).permutation(STRIKES.size)
    assert parity_forward(*rows_of(quotes, shuffled)) == pytest.approx(parity_forward(*quotes))


@pytest.mark.parametrize("quoted", [0, 1, 2])
def test_too_few_quoted_strikes_give_no_forward_and_say_how_many_there_were(quoted):
    quotes = rows_of(consistent_quotes(24_187.75), slice(None))
    for side in quotes[1:]:
        side[quoted:] = math.nan
    estimate = parity_forward(*quotes)
    assert math.isnan(estimate.forward)
    assert math.isnan(estimate.dispersion)
    assert estimate.strikes_used == quoted


def test_three_quoted_strikes_are_enough():
    quotes = rows_of(consistent_quotes(24_187.75), slice(80 - 3, None))
    assert parity_forward(*quotes).strikes_used == 4
    assert parity_forward(*rows_of(quotes, slice(3))).forward == pytest.approx(24_187.75)


def test_a_mid_needs_two_sides_that_do_not_cross():
    mids = mid_quote([10.0, 0.0, math.nan, 10.0, 10.0, -1.0], [11.0, 11.0, 11.0, 9.0, math.nan, 1.0])
    assert mids[0] == 10.5
    assert np.isnan(mids[1:]).all()
    assert mid_quote(10.0, 10.0) == 10.0


@pytest.mark.market_data
def test_a_day_without_a_spot_column_has_a_tight_forward_all_day(market_data):
    """29 August 2025: the front weekly's five strikes agree within a few points and its forward stays in the day's range."""
    bodies = sorted((market_data / "nse-chain-1min-20250829" / "snapshots" / "20250829").glob("*.parquet"))[::15]
    sides = ["Strike_Price", "CALLS_Bid_Price", "CALLS_Ask_Price", "PUTS_Bid_Price", "PUTS_Ask_Price"]
    estimates = []
    for body in bodies:
        chain = pd.read_parquet(body)
        front = chain[chain["Expiry_Date"] == "02-Sep-2025"]
        estimates.append(parity_forward(*front[sides].to_numpy(dtype=np.float64).T))
    assert len(estimates) > 15
    assert all(24_440.0 < estimate.forward < 24_598.0 and estimate.strikes_used == 5 for estimate in estimates)
    assert np.median([estimate.dispersion for estimate in estimates]) < 2.0
