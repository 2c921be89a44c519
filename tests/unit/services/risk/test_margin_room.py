"""The margin of everything together decides how many lots more there is room for."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.margin_room import MarginRoom
from services.risk.settings import RiskSettings
from shared.events import BookState, MarginBasis, OptionKind, Position, VolatilitySource
from shared.market.margin_table import MarginTable
from shared.trading.strikes import ChosenStrike, choose_strike
from tests.builders import CALL, PUT, at, book_state, contract, entry_context, position_leg, signal

MARGINS = MarginTable.load()
SETTINGS = RiskSettings(margin_buffer=0.0, max_margin=0.9)
NOW = at(10, 30)


def held(strike: float, kind: OptionKind, lots: int) -> Position:
    return Position(
        order_id=f"{strike}{kind}",
        strategy="test",
        legs=(position_leg(contract(strike, kind), iv=0.12),),
        lots=lots,
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
        entry=entry_context(),
    )


def room(book: BookState, direction: int = 1) -> MarginRoom:
    asked = signal(1, NOW, direction)
    chosen = choose_strike(asked, RiskSettings())
    assert isinstance(chosen, ChosenStrike)
    return MarginRoom(chosen, asked, book, MARGINS)


def test_an_empty_book_has_room_for_whatever_one_trade_may_bind():
    assert room(book_state(1, NOW)).lots(2, SETTINGS) == math.inf


def test_a_short_on_the_other_side_needs_only_its_exposure_margin():
    calls = book_state(1, NOW, positions=(held(24_600.0, CALL, 4),))
    puts = book_state(1, NOW, positions=(held(24_350.0, PUT, 4),))
    capital = SETTINGS.model_copy(update={"capital": 1_080_000.0})
    assert room(calls).lots(2, capital) == math.inf
    assert room(puts).lots(2, capital) == 1.0


def test_less_than_a_lot_is_told_as_its_share():
    book = book_state(1, NOW, positions=(held(24_350.0, PUT, 4),))
    share = room(book).lots(2, SETTINGS)
    assert 0.0 < share < 1.0
    assert room(book_state(1, NOW, positions=(held(24_350.0, PUT, 9),))).lots(2, SETTINGS) == 0.0


def test_without_offsets_every_trade_counts_by_itself():
    call = msgspec.structs.replace(held(24_600.0, CALL, 4), margin_paise=80_000_000)
    apart = SETTINGS.model_copy(update={"margin_offsets": False})
    tried = room(book_state(1, NOW, positions=(call,)))
    assert tried.lots(2, apart) == pytest.approx(100_000.0 / tried.per_lot().total)
    assert tried.lots(2, apart) < 1.0 < tried.lots(2, SETTINGS)


def test_the_premium_of_the_order_covers_nothing_yet():
    one = room(book_state(1, NOW)).per_lot()
    premium = one.at_order - one.total
    assert premium == pytest.approx(70.0 * 75, rel=0.3)
    exact = RiskSettings(margin_buffer=0.0, max_margin=1.0, capital=one.at_order + 1.0)
    assert room(book_state(1, NOW)).lots(1, exact) == math.inf
    short_of_it = exact.model_copy(update={"capital": one.at_order - 1.0})
    assert 0.9 < room(book_state(1, NOW)).lots(1, short_of_it) < 1.0


def test_what_the_account_has_free_binds_before_the_share_of_the_capital_does():
    one = room(book_state(1, NOW)).per_lot()
    enough, short = (round((one.at_order + gap) * 100) for gap in (1.0, -1.0))
    assert room(book_state(1, NOW, free_paise=enough)).lots(1, SETTINGS) == math.inf
    assert room(book_state(1, NOW, free_paise=short)).lots(1, SETTINGS) < 1.0
    waiting = book_state(1, NOW, free_paise=enough - 5_000, margin_paise=5_000, pending_margin_paise=5_000)
    assert room(waiting).lots(1, SETTINGS) < 1.0


def test_the_executor_s_volatility_is_risk_s():
    basis = MarginBasis(
        underlying="NIFTY",
        level=24_500.0,
        previous_close=24_400.0,
        daily_volatility=0.02,
        source=VolatilitySource.ESTIMATED,
    )
    calm, stormy = (room(book_state(1, NOW, margin_basis=bases)).per_lot() for bases in ((), (basis,)))
    assert stormy.span > 1.5 * calm.span


@given(
    lots=st.integers(min_value=0, max_value=6),
    kind=st.sampled_from(OptionKind),
    strike=st.floats(min_value=23_500, max_value=25_500),
    direction=st.sampled_from([1, -1]),
)
def test_more_held_never_makes_more_room_on_the_same_side(lots, kind, strike, direction):
    same_side = (kind is PUT) == (direction > 0)
    fewer, more = (
        room(book_state(1, NOW, positions=(held(strike, kind, count),) if count else ()), direction).lots(4, SETTINGS)
        for count in (lots, lots + 1)
    )
    assert more >= 0.0
    if same_side:
        assert more <= fewer + 1e-9


def test_a_position_of_yesterday_s_expiry_binds_nothing():
    gone = msgspec.structs.replace(
        held(24_350.0, PUT, 9), legs=(position_leg(contract(24_350.0, PUT, "2025-08-28"), iv=0.12),)
    )
    assert room(book_state(1, NOW, positions=(gone,))).lots(2, SETTINGS) == math.inf
