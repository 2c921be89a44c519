"""The stress ladder revalues every leg after a jump: a naked short loses what the jump takes it into the money."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.market.pricing import black76_price
from shared.trading.stress import SPOT_MOVES, VOLATILITY_SHIFTS, StressedLeg, StressLadder, stress_ladder, stressed_legs
from tests.builders import CALL, PUT, contract, position_leg
from tests.unit.services.risk.test_greeks import short

FOUR_DAYS = 4.0 / 365.0


def leg(strike: float = 24400.0, units: int = -75, *, call: bool = False, volatility: float = 0.12) -> StressedLeg:
    kind = CALL if call else PUT
    mark = float(black76_price(24500.0, strike, FOUR_DAYS, volatility, call))
    return StressedLeg(contract(strike, kind), units, mark, 24500.0, FOUR_DAYS, volatility)


def worst(ladder: StressLadder) -> float:
    """Largest loss of the whole ladder, rupees."""
    return max(-min(float(ladder.now.min()), float(ladder.at_expiry.min())), 0.0)


def test_an_empty_book_has_nothing_to_lose():
    ladder = stress_ladder([])
    assert (ladder.limited_loss, worst(ladder)) == (0.0, 0.0)


def test_a_short_put_loses_the_fall_beyond_its_strike_and_keeps_its_premium_at_a_rise():
    one = leg()
    ladder = stress_ladder([one])
    at_expiry = dict(zip(SPOT_MOVES, ladder.at_expiry, strict=True))
    assert at_expiry[-0.05] == pytest.approx((one.mark - (24400.0 - 0.95 * 24500.0)) * 75)
    assert at_expiry[0.05] == pytest.approx(one.mark * 75)
    assert at_expiry[0.0] == pytest.approx(one.mark * 75)
    assert ladder.now[0, SPOT_MOVES.index(0.0)] == 0.0
    assert ladder.limited_loss == pytest.approx(-ladder.now[0, SPOT_MOVES.index(-0.05)], rel=0.02)


def test_three_shorts_on_one_side_lose_a_fifth_of_ten_lakh_at_five_per_cent():
    ladder = stress_ladder([leg(strike, -65) for strike in (24450.0, 24400.0, 24350.0)])
    assert ladder.limited_loss / 1_000_000.0 == pytest.approx(0.21, abs=0.01)
    assert worst(ladder) / 1_000_000.0 == pytest.approx(0.44, abs=0.01)


def test_higher_volatility_costs_a_short_and_a_fence_caps_it():
    naked, fenced = stress_ladder([leg()]), stress_ladder([leg(), leg(24200.0, 75)])
    least = [naked.now[row].min() for row in range(len(VOLATILITY_SHIFTS))]
    assert least == sorted(least, reverse=True)
    assert worst(fenced) <= 200.0 * 75
    assert fenced.limited_loss < naked.limited_loss / 4


@settings(deadline=None)
@given(
    strikes=st.lists(st.integers(460, 520), min_size=1, max_size=4),
    calls=st.lists(st.booleans(), min_size=4, max_size=4),
    lots=st.integers(1, 5),
)
def test_losses_scale_with_lots_and_never_fall_when_a_short_is_added(strikes: list[int], calls: list[bool], lots: int):
    legs = [leg(50.0 * strike, call=calls[at]) for at, strike in enumerate(strikes)]
    more = [StressedLeg(e.contract, e.units * lots, e.mark, e.forward, e.years, e.volatility) for e in legs]
    assert stress_ladder(more).limited_loss == pytest.approx(lots * stress_ladder(legs).limited_loss)
    assert stress_ladder(legs).now.shape == (len(VOLATILITY_SHIFTS), len(SPOT_MOVES))


def test_what_a_position_does_not_know_is_filled_from_what_is_known():
    held = short(1)
    (unknown,) = stressed_legs([held], 24500.0)
    assert (unknown.forward, unknown.units, unknown.volatility) == (24500.0, -150, 0.15)
    known = msgspec.structs.replace(
        held, legs=(position_leg(contract(24400.0, PUT), iv=0.2, forward=24510.0, years=0.01),)
    )
    filled, knows = stressed_legs([held, known], None)
    assert (filled.forward, filled.volatility) == (24000.0, 0.2)
    assert (knows.forward, knows.years, knows.volatility) == (24510.0, 0.01, 0.2)
