"""The replicated volatility index meets CBOE's published example and keeps to its rules on missing and wide quotes."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.market.pricing import black76_price
from shared.market.vix import (
    NSE_SPREAD_LIMIT,
    natural_cubic_spline,
    replicated_variance,
    volatility_index,
)

NEAR, NEXT = 12_960.0, 53_280.0
YEAR = 525_600.0
RATE = 0.0038


Chain = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Strikes, then bid and ask of the calls and of the puts."""


def white_paper_quotes(minutes: float) -> Chain:
    """Strikes and quotes of one expiry of the 2009 white paper; the in-the-money wings, which nothing reads, are left out."""
    quotes: dict[float, list[float]] = {}
    with (Path(__file__).parent / "cboe_white_paper_2009.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if float(row["minutes"]) == minutes:
                at = 0 if row["right"] == "call" else 2
                quotes.setdefault(float(row["strike"]), [math.nan] * 4)[at : at + 2] = [
                    float(row["bid"]),
                    float(row["ask"]),
                ]
    strikes = np.array(sorted(quotes))
    call_bid, call_ask, put_bid, put_ask = np.array([quotes[strike] for strike in strikes]).T
    return strikes, call_bid, call_ask, put_bid, put_ask


def lognormal_quotes(volatility: float, years: float, forward: float = 24_000.0, half_spread: float = 0.0) -> Chain:
    strikes = np.arange(10_000.0, 48_001.0, 50.0)
    call = black76_price(forward, strikes, years, volatility, True)
    put = black76_price(forward, strikes, years, volatility, False)
    return strikes, call * (1 - half_spread), call * (1 + half_spread), put * (1 - half_spread), put * (1 + half_spread)


class TestWhitePaper:
    @pytest.mark.parametrize(
        ("minutes", "forward", "variance"),
        [(NEAR, 920.50005, 0.4727672252), (NEXT, 921.00039, 0.3668181547)],
    )
    def test_each_expiry_has_the_published_forward_and_variance(self, minutes, forward, variance):
        strip = replicated_variance(*white_paper_quotes(minutes), years=minutes / YEAR, rate=RATE)
        assert strip.forward == pytest.approx(forward, abs=1e-5)
        assert strip.central_strike == 920.0
        assert strip.variance == pytest.approx(variance, abs=1e-8)

    def test_the_index_is_the_published_one(self):
        near, far = (
            replicated_variance(*white_paper_quotes(minutes), years=minutes / YEAR, rate=RATE).variance
            for minutes in (NEAR, NEXT)
        )
        assert volatility_index(near, NEAR, far, NEXT) == pytest.approx(61.218, abs=0.001)

    def test_nse_spread_limit_changes_the_wings_only_a_little(self):
        quotes = white_paper_quotes(NEAR)
        plain = replicated_variance(*quotes, years=NEAR / YEAR, rate=RATE)
        bridged = replicated_variance(*quotes, years=NEAR / YEAR, rate=RATE, spread_limit=NSE_SPREAD_LIMIT)
        assert bridged.options_used == plain.options_used
        assert bridged.variance != plain.variance
        assert bridged.variance == pytest.approx(plain.variance, rel=0.05)


class TestStrip:
    @given(st.floats(0.08, 0.6), st.floats(5 / 365, 60 / 365))
    def test_a_flat_smile_gives_back_its_variance(self, volatility, years):
        strip = replicated_variance(*lognormal_quotes(volatility, years), years=years)
        # the sum over 50-point strikes errs by a small share of the squared strike step
        assert strip.variance == pytest.approx(volatility**2, rel=0.02)

    def test_two_strikes_without_a_bid_end_the_strip_and_one_does_not(self):
        strikes, call_bid, call_ask, put_bid, put_ask = lognormal_quotes(0.2, 0.1)
        whole = replicated_variance(strikes, call_bid, call_ask, put_bid, put_ask, years=0.1)
        at = int(np.searchsorted(strikes, 26_000.0))
        call_bid[at] = 0.0
        one = replicated_variance(strikes, call_bid, call_ask, put_bid, put_ask, years=0.1)
        call_bid[at + 1] = math.nan
        two = replicated_variance(strikes, call_bid, call_ask, put_bid, put_ask, years=0.1)
        assert one.options_used == whole.options_used - 1
        assert two.options_used == whole.options_used - int((strikes >= 26_000.0).sum())
        assert two.variance < one.variance == pytest.approx(whole.variance, rel=1e-3)

    def test_a_given_forward_is_used(self):
        strip = replicated_variance(*lognormal_quotes(0.2, 0.1), years=0.1, forward=24_020.0)
        assert strip.forward == 24_020.0
        assert strip.central_strike == 24_000.0

    def test_no_quotes_give_no_variance(self):
        nothing = np.full(5, math.nan)
        strip = replicated_variance(np.arange(5.0) + 1, nothing, nothing, nothing, nothing, years=0.1)
        assert math.isnan(strip.variance)
        assert strip.options_used == 0

    @pytest.mark.parametrize("years", [0.0, -0.1, math.nan])
    def test_no_time_gives_no_variance(self, years):
        assert math.isnan(replicated_variance(*lognormal_quotes(0.2, 0.1), years=years).variance)

    def test_one_sided_chains_give_no_variance(self):
        strikes, call_bid, call_ask, put_bid, put_ask = lognormal_quotes(0.2, 0.1)
        upper = strikes >= 24_000.0
        strip = replicated_variance(
            strikes[upper], call_bid[upper], call_ask[upper], put_bid[upper], put_ask[upper], years=0.1
        )
        assert math.isnan(strip.variance)

    def test_a_wide_quote_is_bridged_by_its_neighbours(self):
        strikes, call_bid, call_ask, put_bid, put_ask = lognormal_quotes(0.2, 0.1, half_spread=0.01)
        fair = replicated_variance(strikes, call_bid, call_ask, put_bid, put_ask, years=0.1).variance
        call_ask[np.searchsorted(strikes, 24_500.0)] *= 3.0
        spoiled = replicated_variance(strikes, call_bid, call_ask, put_bid, put_ask, years=0.1).variance
        bridged = replicated_variance(
            strikes, call_bid, call_ask, put_bid, put_ask, years=0.1, spread_limit=NSE_SPREAD_LIMIT
        ).variance
        assert abs(bridged - fair) < 1e-3 * abs(spoiled - fair)


class TestIndex:
    @given(st.floats(0.001, 1.0), st.floats(1_000.0, 40_000.0), st.floats(45_000.0, 90_000.0))
    def test_equal_variances_give_their_root_in_per_cent(self, variance, near, far):
        assert volatility_index(variance, near, variance, far) == pytest.approx(100.0 * math.sqrt(variance))

    def test_missing_or_meaningless_variances_give_none(self):
        assert math.isnan(volatility_index(math.nan, NEAR, 0.04, NEXT))
        assert math.isnan(volatility_index(0.04, NEAR, 0.04, NEAR))
        assert math.isnan(volatility_index(9.0, NEAR, 0.0001, NEAR + 100.0))


def test_the_spline_agrees_with_scipys():
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - the oracle, heavy to import for one test

    knots = np.array([1.0, 2.0, 4.0, 4.5, 7.0, 9.0])
    values = np.array([9.0, 5.0, 3.0, 2.0, 1.0, 0.9])
    at = np.linspace(1.0, 9.0, 41)
    expected = CubicSpline(knots, values, bc_type="natural")(at)
    np.testing.assert_allclose(natural_cubic_spline(knots, values, at), expected, rtol=1e-12)


@pytest.mark.market_data
def test_a_real_day_comes_near_the_exchange_s_own_index(market_data):
    """29 August 2025, when India VIX moved between 11.59 and 12.20: the replica stays within half a point of that."""
    bodies = sorted((market_data / "nse-chain-1min-20250829" / "snapshots" / "20250829").glob("*.parquet"))[::30]
    sides = ["Strike_Price", "CALLS_Bid_Price", "CALLS_Ask_Price", "PUTS_Bid_Price", "PUTS_Ask_Price"]
    replicas = []
    for body in bodies:
        chain = pd.read_parquet(body)
        now = pd.to_datetime(chain["Fetch_Time"].iloc[0], format="%d-%b-%Y %H:%M:%S")
        strips = []
        for expiry in ("23-Sep-2025", "30-Sep-2025"):
            minutes = (pd.Timestamp(f"{expiry} 15:30") - now).total_seconds() / 60.0
            quotes = chain[chain["Expiry_Date"] == expiry].sort_values("Strike_Price")[sides].to_numpy(np.float64)
            strike, call_bid, call_ask, put_bid, put_ask = quotes.T
            strip = replicated_variance(
                strike,
                call_bid,
                call_ask,
                put_bid,
                put_ask,
                years=minutes / YEAR,
                rate=0.055,
                spread_limit=NSE_SPREAD_LIMIT,
            )
            strips += [strip.variance, minutes]
        replicas.append(volatility_index(*strips))
    assert len(replicas) > 8
    assert min(replicas) > 11.59 - 0.5
    assert max(replicas) < 12.20 + 0.5
