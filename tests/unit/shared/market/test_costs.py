"""Costs of a trade equal the published arithmetic to the paisa, by trade date, leg by leg."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInputError, TableError
from shared.events import Side
from shared.market.costs import CostTable, OptionCosts, Rounding, leg_costs, option_costs

NOW = date(2026, 11, 20)
FY_2025 = date(2025, 6, 2)
PREMIUMS = st.floats(min_value=0, max_value=5000)
QUANTITIES = st.integers(min_value=1, max_value=100_000)
DAYS = st.dates(min_value=date(2012, 1, 1), max_value=date(2027, 12, 31))


@pytest.mark.parametrize(
    ("sold", "bought", "quantity", "on", "items", "total", "points"),
    [
        (100, 80, 65, NOW, (40, 9.75, 4.16, 0.01, 0.16, 7.95), 62.03, 0.954),
        (100, 80, 65, FY_2025, (40, 6.50, 4.16, 0.01, 0.16, 7.95), 58.78, 0.904),
        (100, 80, 75, FY_2025, (40, 7.50, 4.80, 0.01, 0.18, 8.07), 60.56, 0.807),
        (50, 40, 65, NOW, (40, 4.875, 2.08, 0.01, 0.08, 7.58), 54.61, 0.840),
        (200, 200, 65, NOW, (40, 19.50, 9.24, 0.03, 0.39, 8.87), 78.02, 1.200),
        (100, 80, 27 * 65, NOW, (40, 263.25, 112.24, 0.32, 4.21, 27.46), 447.48, 0.255),
    ],
)
def test_a_round_trip_costs_what_the_rates_say_to_the_paisa(sold, bought, quantity, on, items, total, points):
    costs = option_costs(sold, bought, quantity, on=on)
    found = (costs.brokerage, costs.stt, costs.exchange, costs.sebi, costs.stamp, costs.gst)
    assert found == pytest.approx(items, abs=0.005)
    assert round(costs.total, 2) == total
    assert costs.total_paise == round(total * 100)
    assert costs.points_per_unit == pytest.approx(points, abs=0.0005)


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(2016, 5, 31), 0.00017),
        (date(2016, 6, 1), 0.0005),
        (date(2023, 3, 31), 0.0005),
        (date(2023, 4, 1), 0.000625),
        (date(2024, 9, 30), 0.000625),
        (date(2024, 10, 1), 0.001),
        (date(2026, 3, 31), 0.001),
        (date(2026, 4, 1), 0.0015),
    ],
)
def test_the_transaction_tax_rises_on_its_days(day, rate):
    assert leg_costs(Side.SELL, 100.0, 1000, day).stt == pytest.approx(100_000 * rate)


def test_the_exchange_charge_changed_its_parts_but_not_its_sum_in_march_2026():
    table = CostTable.load()
    assert table.rates(date(2026, 2, 28)).exchange == pytest.approx(0.0003553)
    assert table.rates(date(2026, 3, 1)).exchange == pytest.approx(0.0003553)
    assert table.rates(date(2024, 9, 30)).exchange > 0.00049


def test_the_seller_pays_transaction_tax_and_the_buyer_stamp_duty():
    sold, bought = (leg_costs(side, 100.0, 65, NOW) for side in (Side.SELL, Side.BUY))
    assert (sold.stt > 0, sold.stamp) == (True, 0.0)
    assert (bought.stt, bought.stamp > 0) == (0.0, True)


@given(sold=PREMIUMS, bought=PREMIUMS, quantity=QUANTITIES, on=DAYS, rounding=st.sampled_from(Rounding))
def test_the_legs_sum_to_the_round_trip_whatever_the_rounding(sold, bought, quantity, on, rounding):
    both = leg_costs(Side.SELL, sold, quantity, on, rounding=rounding) + leg_costs(
        Side.BUY, bought, quantity, on, rounding=rounding
    )
    assert both == option_costs(sold, bought, quantity, on=on, rounding=rounding)
    assert abs(both.total_paise - 100 * both.total) <= 0.5 + 1e-6


@given(premium=PREMIUMS, quantity=QUANTITIES, on=DAYS)
def test_costs_are_positive_and_grow_with_turnover(premium, quantity, on):
    costs = leg_costs(Side.SELL, premium, quantity, on)
    dearer = leg_costs(Side.SELL, premium + 1, quantity, on)
    assert 20.0 < costs.total < dearer.total
    assert costs.points_per_unit == pytest.approx(costs.total / quantity)


def test_a_contract_note_rounds_tax_and_duty_to_the_rupee_and_the_rest_to_the_paisa():
    note = option_costs(100, 80, 65, on=NOW, rounding=Rounding.CONTRACT_NOTE)
    assert (note.stt, note.stamp) == (10.0, 0.0)
    assert (note.exchange, note.sebi, note.gst) == pytest.approx((4.16, 0.02, 7.95))
    paisa = option_costs(100, 80, 65, on=NOW, rounding=Rounding.PAISA)
    assert (paisa.stt, paisa.stamp) == (9.75, 0.16)


def test_half_a_paisa_is_rounded_up_as_on_paper():
    costs = OptionCosts(quantity=1, brokerage=2.675, stt=0, exchange=0, sebi=0, stamp=0, gst=0)
    assert costs.total_paise == 268


def test_every_order_of_a_sliced_leg_has_its_brokerage():
    one = option_costs(100, 80, 65, on=NOW)
    three = option_costs(100, 80, 65, on=NOW, orders_per_leg=3)
    assert three.brokerage - one.brokerage == 80.0
    assert three.gst - one.gst == pytest.approx(80 * 0.18)
    free = option_costs(100, 80, 65, on=NOW, brokerage_per_order=0.0)
    assert free.total == pytest.approx(one.total - 40 * 1.18)


def test_a_worthless_buy_back_still_pays_its_order():
    assert leg_costs(Side.BUY, 0.0, 65, NOW).total == pytest.approx(20 * 1.18)


@pytest.mark.parametrize(
    ("premium", "quantity", "orders"),
    [(-0.05, 65, 1), (float("nan"), 65, 1), (float("inf"), 65, 1), (100.0, 0, 1), (100.0, -65, 1), (100.0, 65, 0)],
)
def test_a_trade_that_cannot_be_is_refused(premium, quantity, orders):
    with pytest.raises(BadInputError, match="leg_costs"):
        leg_costs(Side.SELL, premium, quantity, NOW, orders=orders)


def test_legs_of_different_size_are_not_one_round_trip():
    with pytest.raises(BadInputError, match="65 units"):
        leg_costs(Side.SELL, 100, 65, NOW) + leg_costs(Side.BUY, 100, 130, NOW)


def test_a_day_before_the_table_is_refused():
    with pytest.raises(TableError, match="31-Dec-2011"):
        option_costs(100, 80, 65, on=date(2011, 12, 31))


def test_a_user_s_rates_replace_the_packaged_ones_from_their_day(tmp_path):
    file = tmp_path / "costs.toml"
    file.write_text(
        "covered_from = 2027-04-01\ncovered_until = 2028-03-31\n[[stt_sale]]\nfrom = 2027-04-01\nrate = 0.002\n",
        encoding="utf-8",
    )
    table = CostTable.load(file)
    assert table.rates(date(2027, 3, 31)).stt_sale == 0.0015
    assert option_costs(100, 80, 65, on=date(2027, 4, 1), table=table).stt == pytest.approx(13.0)
    assert table.staleness(date(2028, 3, 31)) == []
    assert CostTable.load().staleness(date(2028, 3, 31)) != []
