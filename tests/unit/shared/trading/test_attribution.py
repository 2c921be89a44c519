"""Forward, time and volatility each answer for what they did to the premium, and nothing is left over.

The example by hand is a short of 75 units of the 24500 put, revalued by Black's formula written out here again:
117.2883 at a forward of 24500, 0.01 years and 12 %; 143.8624 once the forward is 24450; 142.7020 at 0.0098 years;
152.2367 at 13 %.
"""

from __future__ import annotations

from math import erf, log, sqrt

import pytest

from shared.events import Attribution, Contract
from shared.trading.attribution import RunningAttribution
from tests.builders import CALL, PUT, contract

UNITS = 75
PUT_24500, CALL_24500 = contract(24500.0, PUT), contract(24500.0, CALL)


def normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def black_put(forward: float, years: float, iv: float, strike: float = 24500.0) -> float:
    deviation = iv * sqrt(years)
    d1 = log(forward / strike) / deviation + deviation / 2.0
    return strike * normal(deviation - d1) - forward * normal(-d1)


def black_call(forward: float, years: float, iv: float, strike: float = 24500.0) -> float:
    return black_put(forward, years, iv, strike) + forward - strike


class Short:
    """A short position under marks at the model's own price, unless told another mid."""

    def __init__(self, of: Contract = PUT_24500) -> None:
        self.of = of
        self.running = RunningAttribution()

    def quoted(self, forward: float, years: float, iv: float, units: int = UNITS) -> float:
        mid = (black_put if self.of.kind is PUT else black_call)(forward, years, iv)
        self.running.see(self.of, forward=forward, years=years, iv=iv, mid=mid, units=units)
        return mid

    def marked(
        self, forward: float, years: float, iv: float | None, mid: float | None = None, units: int = UNITS
    ) -> None:
        self.running.see(self.of, forward=forward, years=years, iv=iv, mid=mid, units=units)

    @property
    def parts(self) -> tuple[float, float, float]:
        return self.running.index_move, self.running.time, self.running.volatility


def test_one_step_by_hand():
    short = Short()
    short.quoted(24500.0, 0.01, 0.12)
    short.quoted(24450.0, 0.0098, 0.13)
    assert short.parts == pytest.approx((-1993.06, 87.04, -715.11), abs=0.01)


def test_the_parts_of_a_trade_by_hand():
    short = Short()
    short.quoted(24500.0, 0.01, 0.12)
    short.quoted(24450.0, 0.0098, 0.13)
    # Sold at 117.00 and bought back at 152.50: 0.29 and 0.26 points beside the mids, 41.37 rupees on 75 units.
    assert short.running.split(-266_250, 6_000) == Attribution(
        index_move_paise=-199_306,
        time_paise=8_704,
        volatility_paise=-71_511,
        spread_and_impact_paise=-4_137,
        charges_paise=-6_000,
    )
    assert short.running.split(-266_250, 6_000).net_paise == -272_250


@pytest.mark.parametrize(("of", "rise_pays"), [(PUT_24500, 1), (CALL_24500, -1)])
def test_each_cause_has_the_seller_s_sign_and_answers_alone(of: Contract, rise_pays: int):
    risen, aged, feared = Short(of), Short(of), Short(of)
    for short in (risen, aged, feared):
        short.quoted(24480.0, 0.01, 0.12)
    risen.quoted(24530.0, 0.01, 0.12)
    aged.quoted(24480.0, 0.009, 0.12)
    feared.quoted(24480.0, 0.01, 0.14)
    assert risen.parts[0] * rise_pays > 0.0
    assert risen.parts[1:] == pytest.approx((0.0, 0.0), abs=1e-6)
    assert aged.parts[1] > 0.0
    assert aged.parts[::2] == pytest.approx((0.0, 0.0), abs=1e-6)
    assert feared.parts[2] < 0.0
    assert feared.parts[:2] == pytest.approx((0.0, 0.0), abs=1e-6)


def test_over_many_marks_the_three_are_the_change_of_the_mid():
    short = Short(CALL_24500)
    mids = [
        short.quoted(24500.0 + 7.0 * (step % 5) - step, 0.01 - step * 1e-4, 0.12 + 0.003 * (step % 3))
        for step in range(60)
    ]
    assert sum(short.parts) == pytest.approx(-UNITS * (mids[-1] - mids[0]), abs=1e-6)


def test_lots_bought_back_earn_nothing_more():
    short = Short()
    first = short.quoted(24500.0, 0.01, 0.12, units=2 * UNITS)
    second = short.quoted(24450.0, 0.0099, 0.12, units=UNITS)
    third = short.quoted(24400.0, 0.0098, 0.12)
    expected = -2 * UNITS * (second - first) - UNITS * (third - second)
    assert sum(short.parts) == pytest.approx(expected, abs=1e-6)


def test_an_unquoted_stretch_moves_with_forward_and_time_and_the_next_mid_sets_it_right():
    short = Short()
    first = short.quoted(24500.0, 0.01, 0.12)
    for forward, years in ((24480.0, 0.0099), (24460.0, 0.0098)):
        short.marked(forward, years, 0.12)
    assert short.parts[2] == 0.0
    assert sum(short.parts) == pytest.approx(-UNITS * (black_put(24460.0, 0.0098, 0.12) - first), abs=1e-6)
    index_move, time, _ = short.parts
    last = short.quoted(24460.0, 0.0098, 0.15)
    assert short.parts[:2] == (index_move, time)
    assert sum(short.parts) == pytest.approx(-UNITS * (last - first), abs=1e-6)


def test_until_the_first_mid_the_first_volatility_counts():
    late, quoted = Short(), Short()
    late.marked(24500.0, 0.01, None)
    late.marked(24470.0, 0.0099, None)
    late.quoted(24450.0, 0.0098, 0.12)
    quoted.quoted(24500.0, 0.01, 0.12)
    quoted.quoted(24450.0, 0.0098, 0.12)
    assert late.parts == pytest.approx(quoted.parts, abs=1e-6)


def test_a_mid_below_intrinsic_value_is_taken_as_it_is():
    short = Short()
    short.marked(24400.0, 0.01, None, mid=98.0)
    short.marked(24350.0, 0.0099, None, mid=147.0)
    assert short.parts == pytest.approx((-50.0 * UNITS, 0.0, 1.0 * UNITS), abs=1e-6)


def test_what_was_never_quoted_on_both_sides_is_all_spread():
    short = Short()
    short.marked(24500.0, 0.01, None)
    short.marked(24450.0, 0.0098, None)
    assert short.running.split(-5_000, 100).parts() == (0, 0, 0, -5_000, -100)


def test_settlement_ends_time_and_leaves_intrinsic_value():
    short = Short()
    first = short.quoted(24500.0, 0.001, 0.12)
    short.marked(24480.0, 0.0, 0.12, mid=20.0)
    index_move, time, volatility = short.parts
    assert index_move < 0.0 < time
    assert volatility == pytest.approx(0.0, abs=1e-6)
    assert index_move + time == pytest.approx(-UNITS * (20.0 - first), abs=1e-6)


def test_a_total_adds_what_is_known():
    one = Attribution(
        index_move_paise=5, time_paise=3, volatility_paise=-2, spread_and_impact_paise=-1, charges_paise=-4
    )
    assert Attribution.total([one, None, one]) == Attribution(
        index_move_paise=10, time_paise=6, volatility_paise=-4, spread_and_impact_paise=-2, charges_paise=-8
    )
    assert Attribution.total([None]) is None
