"""Margins agree with broker figures and with the exchange's own scan ranges, day by day since 2012."""

from __future__ import annotations

import csv
import itertools
import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInputError, TableError
from shared.events import OptionKind
from shared.market.margin import Margin, OptionPosition, portfolio_margin, scenario_losses, short_option_margin
from shared.market.margin_table import MarginTable, ScanRanges

ON = date(2026, 6, 18)
TABLE = MarginTable.load()


def a_short(
    *,
    strike: float = 24_500.0,
    kind: OptionKind = OptionKind.CALL,
    days: float = 5.0,
    quantity: int = -65,
    forward: float = 24_500.0,
) -> OptionPosition:
    return OptionPosition(
        strike=strike,
        kind=kind,
        expiry=ON + timedelta(days=math.ceil(days)),
        years=days / 365,
        volatility=0.13,
        quantity=quantity,
        forward=forward,
    )


@pytest.mark.parametrize(
    ("spot", "strike", "days", "span", "total"),
    [
        (24_500, 24_500, 5, 138_849, 170_699),
        (24_500, 24_500, 1, 143_648, 175_498),
        (24_500, 24_990, 5, 115_571, 147_421),
        (24_500, 25_725, 5, 76_786, 108_636),
        (22_700, 22_700, 5, 158_158 - 29_510, 158_158),
    ],
)
def test_one_short_lot_costs_what_the_documented_approximation_says_within_3_per_cent(spot, strike, days, span, total):
    position = a_short(strike=strike, days=days, forward=spot)
    margin = portfolio_margin([position], spot, ON)
    assert margin.span == pytest.approx(span, rel=0.03)
    assert margin.exposure == pytest.approx(0.02 * spot * 65)
    assert margin.total == pytest.approx(total, rel=0.03)
    assert margin.share_of_notional == pytest.approx(total / (spot * 65), rel=0.03)


def test_a_straddle_offsets_scenario_losses_but_not_exposure():
    margin = portfolio_margin([a_short(), a_short(kind=OptionKind.PUT)], 24_500, ON)
    assert margin.span == pytest.approx(129_879, rel=0.03)
    assert margin.exposure == pytest.approx(63_700)
    assert margin.total == pytest.approx(193_579, rel=0.03)
    apart = sum(portfolio_margin([a_short(kind=kind)], 24_500, ON).span for kind in OptionKind)
    assert margin.span < 0.6 * apart


@pytest.mark.parametrize(
    ("days_left", "reported"), [(1, 65_000), (3, 65_000), (7, 65_000), (0.25, 75_438), (0.25, 78_000)]
)
def test_two_broker_figures_of_december_2024_are_met_within_5_per_cent(days_left, reported):
    # The reports name strike and lot but not the day, so several distances to expiry have to do.
    on = date(2024, 12, 2)
    expiry = on + timedelta(days=int(days_left))
    margin = short_option_margin(
        strike=24_900,
        kind=OptionKind.CALL,
        expiry=expiry,
        years=days_left / 365,
        volatility=0.13,
        quantity=25,
        spot=24_700,
        on=on,
    )
    assert margin.total == pytest.approx(reported, rel=0.05)


def test_the_expiry_day_adds_two_per_cent_of_notional_since_20_november_2024():
    def exposure(on: date, expiry: date) -> float:
        return short_option_margin(
            strike=24_500,
            kind=OptionKind.PUT,
            expiry=expiry,
            years=0.2 / 365,
            volatility=0.13,
            quantity=65,
            spot=24_500,
            on=on,
        ).exposure

    notional = 24_500 * 65
    assert exposure(date(2024, 11, 14), date(2024, 11, 14)) == pytest.approx(0.02 * notional)
    assert exposure(date(2024, 11, 21), date(2024, 11, 21)) == pytest.approx(0.04 * notional)
    assert exposure(date(2024, 11, 20), date(2024, 11, 21)) == pytest.approx(0.02 * notional)


def test_contracts_of_the_expiry_day_no_longer_offset_others_since_february_2025():
    def total(on: date) -> Margin:
        near = replace(a_short(days=0.2), expiry=on)
        far = replace(a_short(kind=OptionKind.PUT, days=7), expiry=on + timedelta(days=7))
        return portfolio_margin([near, far], 24_500, on)

    before, after = total(date(2025, 1, 30)), total(date(2025, 2, 6))
    assert before.span < 0.7 * after.span
    assert after.calendar_spread == 0.0


def test_opposite_deltas_in_two_expiries_pay_the_calendar_spread_charge():
    near = a_short(strike=23_000, days=5)
    far = replace(a_short(strike=23_000, days=12), quantity=65)
    margin = portfolio_margin([near, far], 24_500, ON)
    assert margin.calendar_spread == pytest.approx(0.0175 * 24_500 * 65, rel=0.02)
    assert portfolio_margin([near], 24_500, ON).calendar_spread == 0.0


def test_a_long_option_needs_no_exposure_margin_and_hedges_a_short_one():
    short, wing = a_short(), replace(a_short(strike=25_000), quantity=65)
    hedged = portfolio_margin([short, wing], 24_500, ON)
    assert hedged.total < 0.6 * portfolio_margin([short], 24_500, ON).total
    assert portfolio_margin([wing], 24_500, ON).exposure == 0.0


def test_nothing_held_needs_no_margin():
    empty = portfolio_margin([], 24_500, ON)
    assert (empty.total, empty.share_of_notional) == (0.0, 0.0)
    assert portfolio_margin([replace(a_short(), quantity=0)], 24_500, ON).total == 0.0


def test_the_sixteen_scenarios_hold_seven_price_moves_twice_and_two_extremes_at_35_per_cent():
    deep_in = [a_short(strike=1.0), a_short(strike=1.0, quantity=-130)]
    losses, values = scenario_losses(deep_in, 24_500, [ScanRanges(price=0.09, volatility=0.04)] * 2)
    assert losses.shape == (2, 16)
    assert values == pytest.approx([-65 * 24_499, -130 * 24_499])
    assert np.allclose(losses[1], 2 * losses[0])
    moves = losses[0] / (65 * 24_500 * 0.09)
    expected = [0, 0, 1 / 3, 1 / 3, -1 / 3, -1 / 3, 2 / 3, 2 / 3, -2 / 3, -2 / 3, 1, 1, -1, -1, 0.7, -0.7]
    assert np.allclose(moves, expected)


@given(
    strike=st.floats(min_value=15_000, max_value=35_000),
    kind=st.sampled_from(OptionKind),
    days=st.floats(min_value=0, max_value=60),
    lots=st.integers(min_value=1, max_value=20),
)
def test_margin_is_proportional_to_size_and_never_under_the_exposure(strike, kind, days, lots):
    one = portfolio_margin([a_short(strike=strike, kind=kind, days=days)], 24_500, ON)
    many = portfolio_margin([a_short(strike=strike, kind=kind, days=days, quantity=-65 * lots)], 24_500, ON)
    assert many.total == pytest.approx(lots * one.total, rel=1e-9)
    assert one.total >= one.exposure > 0
    # No short option can lose more than the extreme move of the underlying and what volatility adds.
    assert one.span <= 65 * 24_500 * 0.12


def test_the_premium_not_yet_received_is_asked_for_at_the_order_and_a_bought_one_never_is_credited():
    straddle = [a_short(), a_short(kind=OptionKind.PUT)]
    margin = portfolio_margin(straddle, 24_500, ON)
    premium = 65 * 2 * 24_500 * 0.4 * 0.13 * math.sqrt(5 / 365)  # 0.4 S sigma root t: Brenner and Subrahmanyam
    assert margin.premium == pytest.approx(premium, rel=0.01)
    assert margin.at_order == margin.total + margin.premium
    bought = portfolio_margin([a_short(quantity=65)], 24_500, ON)
    assert bought.premium < 0
    assert bought.at_order == bought.total


def test_a_straddle_binds_what_its_worse_side_does_and_not_the_sum_of_both():
    apart = sum(portfolio_margin([a_short(kind=kind)], 24_500, ON).total for kind in OptionKind)
    together = portfolio_margin([a_short(), a_short(kind=OptionKind.PUT)], 24_500, ON).total
    assert apart == pytest.approx(341_046, rel=0.01)
    assert together == pytest.approx(194_757, rel=0.02)


def test_strikes_more_than_ten_per_cent_out_of_the_money_cost_three_per_cent_more_since_june_2020():
    notional = 24_500 * 65

    def share(strike: float, kind: OptionKind, close: float = 24_500.0, on: date = ON) -> float:
        short = replace(a_short(strike=strike, kind=kind), expiry=on + timedelta(days=5))
        return portfolio_margin([short], 24_500, on, previous_close=close).exposure / notional

    assert share(26_950, OptionKind.CALL) == pytest.approx(0.02)
    assert share(27_000, OptionKind.CALL) == pytest.approx(0.05)
    assert share(22_050, OptionKind.PUT) == pytest.approx(0.02)
    assert share(22_000, OptionKind.PUT) == pytest.approx(0.05)
    # In the money no strike is far, and the close of the day before is what counts, not the level now.
    assert share(27_000, OptionKind.PUT) == pytest.approx(0.02)
    assert share(27_000, OptionKind.CALL, close=24_600.0) == pytest.approx(0.02)
    assert share(27_000, OptionKind.CALL, on=date(2020, 5, 29)) == pytest.approx(0.03)


@given(
    short_strike=st.floats(min_value=22_500, max_value=26_500),
    width=st.floats(min_value=50, max_value=2_000),
    kind=st.sampled_from(OptionKind),
    volatility=st.floats(min_value=0.05, max_value=0.6),
    days=st.floats(min_value=0.1, max_value=40),
)
def test_a_hedge_never_raises_the_margin(short_strike, width, kind, volatility, days):
    away = width if kind is OptionKind.CALL else -width
    short = replace(a_short(strike=short_strike, kind=kind, days=days), volatility=volatility)
    wing = replace(short, strike=short_strike + away, quantity=65)
    naked, hedged = (portfolio_margin(legs, 24_500, ON) for legs in ([short], [short, wing]))
    assert hedged.exposure == naked.exposure
    assert hedged.total <= naked.total + portfolio_margin([wing], 24_500, ON).total + 1e-6
    # A spread cannot lose more than its width, whatever happens.
    assert hedged.span <= 65 * width + 1e-6


@given(volatilities=st.tuples(*[st.floats(min_value=0, max_value=0.05)] * 2))
def test_a_larger_daily_volatility_never_asks_for_less_of_a_naked_short(volatilities):
    calm, stormy = sorted(volatilities)
    less, more = (portfolio_margin([a_short()], 24_500, ON, daily_volatility=sigma) for sigma in (calm, stormy))
    assert less.total <= more.total + 1e-6


def test_an_iron_fly_of_july_2026_needs_at_the_order_and_after_it_what_a_broker_said():
    # openalgo#1620: Rs 951,448.81 for 12 lots of 65 were asked for at the order, 68,339 a lot once the premium was in.
    # The thread names no strikes; 16 points of span beyond two shorts' exposure at 24,250 are wings 250 away.
    legs = [(24_000, OptionKind.PUT, 65), (24_250, OptionKind.PUT, -65)]
    legs += [(24_250, OptionKind.CALL, -65), (24_500, OptionKind.CALL, 65)]
    on = date(2026, 7, 10)
    fly = [
        replace(
            a_short(strike=strike, kind=kind, quantity=units, forward=24_250), expiry=date(2026, 7, 14), years=4 / 365
        )
        for strike, kind, units in legs
    ]
    margin = portfolio_margin(fly, 24_250, on)
    assert margin.at_order == pytest.approx(951_448.81 / 12, rel=0.01)
    assert margin.total == pytest.approx(68_339, rel=0.02)


@pytest.fixture(scope="module")
def published_volatility(market_data):
    """The exchange's daily volatility of NIFTY after the close of a day, from the recorded files."""
    with (market_data / "daily-vix-spot-span-2012-2026" / "volatility.csv").open(encoding="utf-8") as file:
        return {
            row["date"]: float(row["ann_applicable"]) / math.sqrt(365)
            for row in csv.DictReader(file)
            if row["symbol"] == "NIFTY"
        }


CONDOR = [(15_300, OptionKind.PUT, 50), (15_800, OptionKind.PUT, -50)]
CONDOR += [(17_500, OptionKind.CALL, -50), (17_900, OptionKind.CALL, 50)]


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("legs", "reported", "least", "most"),
    [
        (CONDOR[2:3], 70_000, 0.95, 1.10),
        (CONDOR[1:2], 65_000, 0.95, 1.10),
        (CONDOR, 50_000, 0.95, 1.10),
    ],
)
def test_broker_figures_of_25_february_2022_are_met_with_the_exchange_s_volatility(
    published_volatility, legs, reported, least, most
):
    # tradingqna 127924 names strikes and lot, not the expiry: of the three next ones the second weekly fits all three
    # figures. Spot is the day's close, implied volatility India VIX at the close, the figure that at the order.
    expiry, spot = date(2022, 3, 10), 16_658.40
    held = [
        OptionPosition(strike, kind, expiry, 13 / 365, volatility=0.2674, quantity=units, forward=spot)
        for strike, kind, units in legs
    ]
    sigma = published_volatility["2022-02-24"]
    margin = portfolio_margin(held, spot, date(2022, 2, 25), daily_volatility=sigma, previous_close=16_247.95)
    assert least * reported <= margin.at_order <= most * reported
    if len(legs) == 1:
        assert portfolio_margin(held, spot, date(2022, 2, 25)).total < 0.9 * reported  # at the floor it is far under


@pytest.mark.market_data
def test_a_strangle_of_12_february_2024_is_met_within_10_per_cent_and_its_span_within_1(published_volatility):
    # Shoonya-Dev/ShoonyaApi-py#149: about 1.25 lakh blocked for one lot of 50. The API's SPAN of the same thread counts
    # each leg twice and nets nothing, Rs 273,316; its exposure, 86,359.80, tells the level: 4 x 50 x 2 % of 21,589.95.
    spot, on = 86_359.80 / 4, date(2024, 2, 12)
    legs = [
        OptionPosition(strike, kind, date(2024, 2, 15), 3.05 / 365, volatility=0.16, quantity=-50, forward=21_589.95)
        for strike, kind in ((21_000, OptionKind.PUT), (22_300, OptionKind.CALL))
    ]
    assert spot == pytest.approx(21_589.95)
    terms = {"daily_volatility": published_volatility["2024-02-09"], "previous_close": 21_782.50}
    apart = sum(portfolio_margin([replace(leg, quantity=-100)], spot, on, **terms).span for leg in legs)
    assert apart == pytest.approx(273_316, rel=0.01)
    assert portfolio_margin(legs, spot, on, **terms).at_order == pytest.approx(125_000, rel=0.10)


@given(
    strikes=st.lists(st.floats(min_value=20_000, max_value=29_000), min_size=2, max_size=4),
    kind=st.sampled_from(OptionKind),
)
def test_a_portfolio_never_needs_more_than_its_parts(strikes, kind):
    shorts = [a_short(strike=strike, kind=kind) for strike in strikes]
    together = portfolio_margin(shorts, 24_500, ON).total
    assert together <= sum(portfolio_margin([short], 24_500, ON).total for short in shorts) + 1e-6


@pytest.mark.parametrize(
    "broken",
    [
        {"strike": 0.0},
        {"strike": float("nan")},
        {"forward": -1.0},
        {"volatility": float("nan")},
        {"years": -0.001},
        {"expiry": ON - timedelta(days=1)},
    ],
)
def test_a_position_that_cannot_be_valued_is_refused(broken):
    with pytest.raises(BadInputError, match="margin"):
        portfolio_margin([replace(a_short(), **broken)], 24_500, ON)


def test_a_short_of_nothing_and_a_day_before_the_table_are_refused():
    position: dict[str, Any] = {
        "strike": 24_500,
        "kind": OptionKind.CALL,
        "years": 0.01,
        "volatility": 0.13,
        "spot": 24_500,
    }
    with pytest.raises(BadInputError, match="quantity"):
        short_option_margin(**position, expiry=ON, quantity=0, on=ON)
    with pytest.raises(TableError, match="2011"):
        short_option_margin(**position, expiry=ON, quantity=65, on=date(2011, 6, 1))


def test_scan_ranges_follow_volatility_above_their_floors_and_widen_beyond_nine_months():
    assert TABLE.scan_ranges(ON) == ScanRanges(price=0.093, volatility=0.04)
    stormy = TABLE.scan_ranges(ON, daily_volatility=0.02)
    assert stormy.price == pytest.approx(6 * 0.02 * math.sqrt(2))
    assert stormy.volatility == 0.10
    assert TABLE.scan_ranges(ON, expiry=date(2027, 3, 18)).price == 0.093
    assert TABLE.scan_ranges(ON, expiry=date(2027, 3, 30)).price == 0.177


def test_a_user_s_parameters_hold_from_their_day(tmp_path):
    file = tmp_path / "margin.toml"
    file.write_text(
        "covered_from = 2026-12-01\ncovered_until = 2027-12-31\n"
        "[[exposure]]\nfrom = 2026-12-01\nshare = 0.03\nexpiry_day_share = 0.05\n",
        encoding="utf-8",
    )
    table = MarginTable.load(file)
    assert table.exposure_share(date(2026, 11, 30), expires_today=True) == pytest.approx(0.04)
    assert table.exposure_share(date(2026, 12, 1), expires_today=True) == pytest.approx(0.08)
    assert table.staleness(date(2027, 12, 31)) == []
    assert len(TABLE.staleness(date(2027, 12, 31))) == 1


@pytest.fixture(scope="module")
def scan_history(market_data):
    """Days with the published scan ranges, the previous spot close and the volatility known the evening before."""
    folder = market_data / "daily-vix-spot-span-2012-2026"
    with (folder / "volatility.csv").open(encoding="utf-8") as file:
        volatility = sorted((row for row in csv.DictReader(file) if row["symbol"] == "NIFTY"), key=lambda r: r["date"])
    eve = {today["date"]: yesterday for yesterday, today in itertools.pairwise(volatility)}
    with (folder / "span_psr.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["symbol"] == "NIFTY" and row["date"] in eve]
    spot = {row["date"]: float(row["spot_prev"]) for row in volatility}
    return [
        (
            date.fromisoformat(row["date"]),
            float(row["price_scan"]) / spot[row["date"]],
            float(row["vol_scan"]),
            float(eve[row["date"]]["ann_applicable"]) / math.sqrt(365),
        )
        for row in rows
    ]


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("start", "end", "tolerance", "least_share", "least_days"),
    [
        # Before autumn 2018 the published scan drifts by up to a per cent over each contract's life; that drift
        # is not explained here, only its size is.
        (date(2012, 1, 1), date(2018, 9, 20), 0.010, 0.99, 1500),
        (date(2012, 1, 1), date(2018, 9, 20), 0.005, 0.88, 1500),
        (date(2018, 9, 21), date(2020, 5, 31), 0.0002, 0.99, 400),
        # One day is off by more: 1-Jun-2020, which already used the new volatility on its first evening.
        (date(2020, 6, 1), date(2025, 11, 21), 0.0002, 0.995, 1300),
    ],
)
def test_published_price_scans_follow_from_the_dated_parameters(
    scan_history, start, end, tolerance, least_share, least_days
):
    errors = [
        abs(published / TABLE.scan_ranges(day, sigma).price - 1)
        for day, published, _, sigma in scan_history
        if start <= day <= end
    ]
    assert len(errors) >= least_days
    assert sum(error < tolerance for error in errors) / len(errors) >= least_share


@pytest.mark.market_data
def test_published_volatility_scans_follow_on_all_but_two_days(scan_history):
    wrong = [day for day, _, published, sigma in scan_history if TABLE.scan_ranges(day, sigma).volatility != published]
    assert len(scan_history) > 3200
    assert wrong == [date(2020, 6, 1), date(2022, 1, 10)]  # the changeover, and a tie at half a per cent


@pytest.mark.market_data
def test_the_exchange_s_daily_volatility_is_the_weighted_sum_with_the_decay_of_its_day(market_data):
    with (market_data / "daily-vix-spot-span-2012-2026" / "volatility.csv").open(encoding="utf-8") as file:
        rows = sorted((row for row in csv.DictReader(file) if row["symbol"] == "NIFTY"), key=lambda row: row["date"])
    errors = []
    for yesterday, today in itertools.pairwise(rows):
        log_return = math.log(float(today["spot_close"]) / float(today["spot_prev"]))
        predicted = TABLE.next_daily_volatility(
            float(yesterday["sigma_underlying"]), log_return, date.fromisoformat(today["date"])
        )
        errors.append(abs(predicted - float(today["sigma_underlying"])))
    # Four decimals are published, so one unit of the last is the best that can be asked.
    assert sum(error <= 1.01e-4 for error in errors) / len(errors) > 0.995
