"""Caps are shares of the capital that is left, and a stop loses more than it says."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from services.risk.capital import with_capital_left
from services.risk.room import day_room
from services.risk.settings import RiskSettings
from services.risk.stops import expected_stop_fill, stop_overshoot
from shared.events import BookState, LimitState, Order
from tests.builders import UNGATED, at, book_state, position, signal
from tests.unit.services.risk.test_handler import decide, risk

SETTINGS = RiskSettings(capital=1_000_000.0)
EXPIRY = position().contract.expiry
LAKH = 10_000_000  # paise


def left(book: BookState, settings: RiskSettings = SETTINGS) -> float:
    return with_capital_left(settings, book).capital


@pytest.mark.parametrize(
    ("equity", "unrealised", "expected"),
    [
        (10 * LAKH, 0, 1_000_000.0),
        (12 * LAKH, 0, 1_000_000.0),
        (9 * LAKH, 0, 900_000.0),
        (9 * LAKH, -LAKH, 900_000.0),
        (10 * LAKH, LAKH, 900_000.0),
        (-LAKH, 0, 0.0),
    ],
    ids=["whole", "gained", "lost", "losing", "a gain not yet realised", "nothing left"],
)
def test_capital_shrinks_with_the_account_and_never_grows(equity: int, unrealised: int, expected: float):
    book = book_state(1, at(10, 30), equity_paise=equity, unrealised_paise=unrealised)
    assert left(book) == pytest.approx(expected)


@pytest.mark.parametrize(("weight", "expected"), [(0.0, 1_000_000.0), (1.0, 900_000.0), (3.0, 700_000.0)])
def test_the_weight_says_how_fast_risk_is_cut(weight: float, expected: float):
    settings = RiskSettings(capital=1_000_000.0, loss_weight=weight, **UNGATED)
    assert left(book_state(1, at(10, 30), equity_paise=9 * LAKH), settings) == pytest.approx(expected)


def entered(equity: int, **settings: object) -> Order:
    book = book_state(1, at(10, 30), equity_paise=equity)
    made = decide(
        risk(capital=5_000_000.0, max_lots=100, exploration_lots=100, **settings), signal(1, at(10, 30), 1), book
    )
    (order,) = [event for event in made if isinstance(event, Order)]
    return order


def test_an_account_that_lost_sells_fewer_lots():
    whole, lost = entered(50 * LAKH), entered(25 * LAKH)
    assert 0.4 * whole.lots <= lost.lots <= 0.6 * whole.lots
    assert entered(25 * LAKH, loss_weight=0.0).lots == whole.lots


def test_entries_are_told_against_what_is_left_and_halts_against_the_capital():
    handler = risk(capital=1_000_000.0)
    told = [
        event
        for event in handler.handle(book_state(1, at(10, 30), equity_paise=9 * LAKH))
        if isinstance(event, LimitState)
    ]
    limits = {use.name: use.limit for use in told[0].uses}
    assert limits["max_margin"] == pytest.approx(0.9 * 900_000.0)
    assert limits["max_daily_loss"] == pytest.approx(0.03 * 1_000_000.0)


def test_the_day_of_expiry_overshoots_at_least_as_far_as_any_other():
    assert stop_overshoot("2026-06-02", date(2026, 6, 1), SETTINGS) == 1.2
    assert stop_overshoot("2026-06-02", date(2026, 6, 2), SETTINGS) == 1.8
    tightened = SETTINGS.with_limit("stop_overshoot", 2.5)
    assert stop_overshoot("2026-06-02", date(2026, 6, 2), tightened) == 2.5


def test_a_stop_is_filled_beyond_its_level_but_for_one_that_locks_in_a_gain():
    assert expected_stop_fill(100.0, 130.0, 1.2) == pytest.approx(136.0)
    assert expected_stop_fill(100.0, 90.0, 1.8) == 90.0


def test_open_stops_take_what_they_are_expected_to_lose_from_the_days_room():
    held = msgspec.structs.replace(position(), entry_price=70.0, mark_price=80.0, stop_price=90.0)
    cap = 1_000_000.0 * SETTINGS.max_daily_loss * SETTINGS.hard_day_loss_multiple
    book = book_state(1, at(10, 30), positions=(held,))
    assert book.day < EXPIRY
    assert day_room(book, 0, SETTINGS) == pytest.approx(cap - (70.0 + 1.2 * 20.0 - 80.0) * held.lots * held.lot_size)
