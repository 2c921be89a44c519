"""A leg that is missing is valued by its last quote while that is young, then by a model, and says which."""

from __future__ import annotations

import msgspec
import pytest

from shared.events import Alert, ChainSnapshot, ExitReason, MarkSource, Position
from tests.builders import CALL, PUT, at, entry_order, snapshot, tick
from tests.unit.services.executor.random_market import Desk, Quotes

NEAR = (24400.0, 24450.0, 24500.0, 24550.0, 24600.0)


def quotes(forward: float) -> tuple[Quotes, Quotes]:
    """Puts and calls that agree with a forward, near the money only."""
    puts: Quotes = {k: (100.0 + max(k - forward, 0.0), 100.5 + max(k - forward, 0.0)) for k in NEAR}
    calls: Quotes = {k: (100.0 + max(forward - k, 0.0), 100.5 + max(forward - k, 0.0)) for k in NEAR}
    return puts, calls


def chain(seq: int, minute: int, forward: float = 24500.0, *, strike: bool = True) -> ChainSnapshot:
    """A snapshot in which the 24300 put is quoted or not there at all."""
    puts, calls = quotes(forward)
    if strike:
        puts[24300.0] = (40.0, 40.5)
    return snapshot(seq, at(10, minute), puts=puts, calls=calls, spot=forward - 10.0)


def short(stop: float = 70.0) -> Desk:
    desk = Desk(impact_points=0.0)
    desk.feed(chain(1, 0))
    desk.feed(entry_order(1, at(10, 0), strike=24300.0, kind=PUT, limit=38.0, stop=stop, target=10.0))
    desk.feed(chain(2, 1))
    return desk


def position(desk: Desk) -> Position:
    assert desk.book is not None
    return desk.book.positions[0]


def test_a_quoted_position_carries_its_greeks_and_volatility():
    held = position(short())
    assert held.mark_source is MarkSource.QUOTE
    assert held.legs[0].iv is not None
    assert 0.05 < held.legs[0].iv < 1.0
    assert held.legs[0].delta is not None
    assert -0.5 < held.legs[0].delta < 0.0
    assert held.legs[0].gamma is not None
    assert held.legs[0].vega is not None


def test_a_missing_leg_keeps_its_last_quote_while_that_is_young():
    desk = short()
    desk.feed(chain(3, 2, strike=False))
    held = position(desk)
    assert (held.mark_source, held.mark_price, held.mark_ts) == (MarkSource.LAST, 40.5, at(10, 1))


def test_then_it_is_priced_at_the_current_forward_and_marked_so():
    desk = short()
    desk.feed(chain(3, 3, strike=False))
    still = position(desk)
    desk.feed(chain(4, 4, forward=24450.0, strike=False))
    fallen = position(desk)
    assert still.mark_source is fallen.mark_source is MarkSource.THEORETICAL
    assert still.mark_price == pytest.approx(40.25, abs=0.3)
    assert fallen.mark_price > still.mark_price + 5.0
    assert fallen.mark_ts == at(10, 1)


def test_a_theoretical_price_over_the_stop_twice_stops_out_and_fills_at_the_first_quote():
    desk = short(stop=55.0)
    desk.feed(chain(3, 3, forward=24350.0, strike=False))
    assert position(desk).exit_reason is None
    desk.feed(chain(4, 4, forward=24350.0, strike=False))
    assert position(desk).exit_reason is ExitReason.STOP
    assert desk.trades == []
    desk.feed(chain(5, 5))
    assert [trade.exit_price for trade in desk.trades] == [40.5]


def test_a_theoretical_price_never_claims_a_target():
    desk = short()
    desk.feed(chain(3, 3, forward=24900.0, strike=False))
    assert position(desk).mark_price < 10.5
    assert position(desk).exit_reason is None


def test_a_quote_that_stays_away_raises_one_alert_until_it_is_back():
    desk = short()
    for seq in range(3, 9):
        desk.feed(chain(seq, seq, strike=False))
    desk.feed(tick(9, at(10, 9)))
    alerts = [event for event in desk.made if isinstance(event, Alert)]
    assert [alert.code for alert in alerts] == ["quote_age"]
    assert "theoretical" in alerts[0].text
    desk.feed(chain(10, 10))
    assert position(desk).mark_source is MarkSource.QUOTE


def test_a_snapshot_without_the_expiry_moves_the_last_forward_with_spot():
    desk = short()
    other = snapshot(3, at(10, 4), puts={24500.0: (9.0, 9.5)}, calls={}, spot=24440.0, expiry="2025-09-09")
    desk.feed(other)
    held = position(desk)
    assert held.mark_source is MarkSource.THEORETICAL
    assert held.mark_price > 45.0


def test_another_underlying_says_nothing_about_a_position():
    desk = short()
    desk.feed(msgspec.structs.replace(chain(3, 5, strike=False), underlying="BANKNIFTY"))
    assert position(desk).mark_source is MarkSource.QUOTE


def test_a_call_is_marked_like_a_put():
    desk = Desk(impact_points=0.0)
    puts, calls = quotes(24500.0)
    calls[24700.0] = (40.0, 40.5)
    desk.feed(snapshot(1, at(10, 0), puts=puts, calls=calls))
    desk.feed(entry_order(1, at(10, 0), strike=24700.0, kind=CALL, limit=38.0, stop=70.0, target=10.0))
    desk.feed(snapshot(2, at(10, 1), puts=puts, calls=calls))
    held = position(desk)
    assert held.legs[0].delta is not None
    assert held.legs[0].delta > 0.0
