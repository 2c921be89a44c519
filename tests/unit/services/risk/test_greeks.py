"""The book's Greeks have the seller's sign, and a limit is a loss in rupees that one standard move may cost."""

from __future__ import annotations

import msgspec
import pytest

from services.risk.greeks import BookGreeks, greeks_after, greeks_denial
from services.risk.settings import RiskSettings
from shared.events import Position
from tests.builders import CALL, PUT, at, candidate, contract, entry_context, position_leg

LEVEL = 25_000.0
SETTINGS = RiskSettings(
    capital=1_000_000.0, max_delta_loss=0.05, max_gamma_loss=0.03, max_vega_loss=0.02, max_daily_loss=0.08
)


def short(direction: int, **greeks: float | None) -> Position:
    return Position(
        order_id="p",
        strategy="test",
        legs=(position_leg(contract(24000.0, PUT if direction > 0 else CALL), **greeks),),
        lots=2,
        lot_size=75,
        entry_ts=at(10, 0),
        entry_price=70.0,
        entry_costs_paise=0,
        stop_price=90.0,
        target_price=50.0,
        trail_points=None,
        time_exit_ns=None,
        best_price=70.0,
        worst_price=70.0,
        mark_price=70.0,
        mark_ts=at(10, 0),
        margin_paise=0,
        exit_reason=None,
        entry=entry_context(direction=direction),
    )


def test_a_short_put_is_long_the_market_and_short_gamma_and_vega():
    greeks = greeks_after((), candidate(24000.0, PUT, 70.0, 70.5, -0.35), 75)
    assert (greeks.delta, greeks.gamma, greeks.vega) == pytest.approx((26.25, -0.075, -75_000.0))


def test_a_short_call_beside_it_takes_the_delta_back_and_adds_to_the_rest():
    held = short(-1, delta=0.35, gamma=0.001, vega=1_000.0)
    greeks = greeks_after((held,), candidate(24000.0, PUT, 70.0, 70.5, -0.35), 150)
    assert (greeks.delta, greeks.gamma, greeks.vega) == pytest.approx((0.0, -0.3, -300_000.0))


@pytest.mark.parametrize("direction", [1, -1])
def test_a_position_nobody_knows_the_greeks_of_counts_on_its_own_side(direction: int):
    quote = candidate(24000.0, PUT, 70.0, 70.5, -0.35)
    unknown = greeks_after((short(direction),), quote, 75)
    known = greeks_after((short(direction, delta=-0.35 * direction, gamma=0.001, vega=1_000.0),), quote, 75)
    assert msgspec.json.encode([unknown.delta, unknown.gamma, unknown.vega]) == msgspec.json.encode(
        [known.delta, known.gamma, known.vega]
    )


@pytest.mark.parametrize(
    ("greeks", "name"),
    [
        (BookGreeks(201.0, 0.0, 0.0), "delta"),
        (BookGreeks(-201.0, 0.0, 0.0), "delta"),
        (BookGreeks(0.0, -0.97, 0.0), "gamma"),
        (BookGreeks(0.0, 0.0, -2_000_001.0), "vega"),
    ],
)
def test_what_costs_more_than_its_limit_is_refused_by_name(greeks: BookGreeks, name: str):
    text = greeks_denial(greeks, LEVEL, SETTINGS)
    assert text is not None
    assert name in text


def test_within_its_limits_a_book_is_let_be():
    assert greeks_denial(BookGreeks(199.0, -0.95, -1_999_999.0), LEVEL, SETTINGS) is None
    assert greeks_denial(BookGreeks(0.0, 5.0, 0.0), LEVEL, SETTINGS) is None
