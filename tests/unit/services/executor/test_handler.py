"""The executor closes every short at the rules it was opened with, from the chain alone."""

from __future__ import annotations

from typing import Any

import pytest

from shared.events import (
    ChainSnapshot,
    Command,
    CommandKind,
    Event,
    ExitReason,
    FillStatus,
    Order,
    OrderAction,
    Side,
    sold,
)
from tests.builders import CALL, PUT, at, chain_header, contract, entry_order, snapshot, tick
from tests.hand_fed import HandFed as Desk


def put_at(seq: int, minute: int, bid: float | None, ask: float | None, qty: int | None = 7500) -> ChainSnapshot:
    return snapshot(seq, at(10, minute), puts={24500.0: (bid, ask)}, qty=qty)


@pytest.fixture
def short_put() -> Desk:
    """A desk short two lots of the 24500 put at 100, stop 130, target 70."""
    desk = Desk()
    desk.feed(put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0)), put_at(2, 1, 100.0, 100.5))
    return desk


def test_an_entry_never_fills_at_the_snapshot_that_caused_it():
    desk = Desk()
    desk.feed(put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0)))
    assert desk.fills == []
    desk.feed(put_at(2, 1, 98.0, 98.5))
    assert [(fill.status, fill.price, fill.lots) for fill in desk.fills] == [(FillStatus.FILLED, 98.0, 2)]


def test_the_stop_triggers_at_the_first_bid_that_reaches_it_and_fills_at_the_next(short_put: Desk):
    short_put.feed(put_at(3, 2, 129.0, 129.95), put_at(4, 3, 130.0, 130.5))
    assert short_put.trades == []
    assert short_put.book.positions[0].exit_reason is ExitReason.STOP
    short_put.feed(put_at(5, 4, 139.0, 140.0))
    (trade,) = short_put.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.STOP, 140.0)
    assert trade.gross_pnl_paise == -40 * 100 * 150
    assert short_put.book.positions == ()


def test_a_falling_premium_is_the_sellers_gain(short_put: Desk):
    short_put.feed(put_at(3, 2, 69.0, 70.0), put_at(4, 3, 68.5, 69.0))
    (trade,) = short_put.trades
    assert trade.exit_reason is ExitReason.TARGET
    assert trade.gross_pnl_paise == 31 * 100 * 150
    assert trade.net_pnl_paise == trade.gross_pnl_paise - trade.costs_paise
    assert trade.mfe == pytest.approx(31.0)


def test_an_ask_at_the_stop_without_its_bid_stops_when_the_next_snapshot_says_so_again(short_put: Desk):
    short_put.feed(put_at(3, 2, 129.5, 130.0))
    assert short_put.book.positions[0].exit_reason is None
    short_put.feed(put_at(4, 3, 129.5, 130.0))
    assert short_put.book.positions[0].exit_reason is ExitReason.STOP


def test_a_missing_ask_with_a_bid_over_the_stop_stops_when_it_says_so_again(short_put: Desk):
    short_put.feed(put_at(3, 2, 131.0, None))
    assert short_put.book.positions[0].exit_reason is None
    short_put.feed(put_at(4, 3, 131.0, None))
    assert short_put.book.positions[0].exit_reason is ExitReason.STOP


def test_an_exit_waits_for_a_quote_and_then_fills(short_put: Desk):
    short_put.feed(put_at(3, 2, 131.0, 132.0), put_at(4, 3, None, None), put_at(5, 4, 128.0, 129.0))
    (trade,) = short_put.trades
    assert trade.exit_price == 129.0


def test_the_trail_locks_in_a_gain_and_never_loosens_the_stop():
    desk = Desk()
    desk.feed(
        put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0), target=40.0, trail=10.0), put_at(2, 1, 100.0, 100.5)
    )
    assert desk.book.positions[0].stop_price == 130.0
    desk.feed(put_at(3, 2, 84.5, 85.0))
    assert desk.book.positions[0].stop_price == 95.0
    desk.feed(put_at(4, 3, 89.5, 90.0), put_at(5, 4, 95.0, 95.5), put_at(6, 5, 95.5, 96.0))
    (trade,) = desk.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.TRAIL, 96.0)


def test_a_time_exit_needs_no_snapshot_to_trigger(short_put: Desk):
    desk = Desk()
    desk.feed(
        put_at(1, 0, 100.0, 100.5),
        entry_order(1, at(10, 0), time_exit_ns=at(10, 30)),
        put_at(2, 1, 100.0, 100.5),
        tick(3, at(10, 30)),
        snapshot(4, at(10, 31), puts={24500.0: (90.0, 90.5)}),
    )
    (trade,) = desk.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.TIME, 90.5)


def test_everything_is_squared_off_before_the_close(short_put: Desk):
    short_put.feed(
        snapshot(3, at(15, 20), puts={24500.0: (95.0, 95.5)}), snapshot(4, at(15, 21), puts={24500.0: (95.0, 95.5)})
    )
    (trade,) = short_put.trades
    assert trade.exit_reason is ExitReason.SQUARE_OFF


def test_an_expiring_short_settles_at_its_intrinsic_value():
    desk = Desk(square_off_minutes=0.0)
    today = "2025-08-28"
    desk.feed(
        snapshot(1, at(10, 0) - 86_400 * 10**9, puts={24500.0: (100.0, 100.5)}, expiry=today),
        entry_order(1, at(10, 0) - 86_400 * 10**9, expiry=today, stop=900.0),
        snapshot(2, at(10, 1) - 86_400 * 10**9, puts={24500.0: (100.0, 100.5)}, expiry=today),
        snapshot(3, at(15, 29) - 86_400 * 10**9, puts={24500.0: (None, None)}, expiry=today, spot=24440.0),
        tick(4, at(15, 30) - 86_400 * 10**9),
    )
    (trade,) = desk.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.EXPIRY, 60.0)


def test_an_entry_expires_when_the_market_ran_away():
    desk = Desk()
    desk.feed(put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0), limit=95.0))
    desk.feed(*(put_at(seq, seq, 80.0, 80.5) for seq in range(2, 6)))
    assert [fill.status for fill in desk.fills] == [FillStatus.EXPIRED]
    assert desk.book.positions == ()


def test_an_entry_beyond_its_own_stop_is_not_opened():
    desk = Desk()
    desk.feed(put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0)), put_at(2, 1, 131.0, 132.0))
    assert desk.book.positions == ()


def test_depth_fills_in_part_and_pays_brokerage_once():
    desk = Desk()
    desk.feed(put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0), lots=3))
    desk.feed(put_at(2, 1, 100.0, 100.5, qty=80), put_at(3, 2, 102.0, 102.5, qty=750))
    assert [(fill.status, fill.lots) for fill in desk.fills] == [(FillStatus.PARTIAL, 1), (FillStatus.FILLED, 2)]
    assert [round(fill.costs.brokerage) for fill in desk.fills if fill.costs] == [20, 0]
    assert desk.book.positions[0].entry_price == pytest.approx((100.0 + 2 * 102.0) / 3)


def test_a_contract_that_does_not_expire_next_is_not_sold_whatever_the_feed_says():
    later = "2025-09-09"
    desk = Desk()
    chain = snapshot(1, at(10, 0), puts={24500.0: (100.0, 100.5)}, expiry=later)
    desk.feed(chain, entry_order(1, at(10, 0), expiry=later))
    (fill,) = desk.fills
    assert fill.status is FillStatus.REJECTED
    assert "expected the front expiry 2025-09-02" in fill.text
    assert desk.alerts == ["front_expiry"]
    free = Desk(front_expiry_only=False)
    free.feed(chain, entry_order(1, at(10, 0), expiry=later))
    assert free.fills == []


def test_the_same_signal_is_never_traded_twice(short_put: Desk):
    again = entry_order(2, at(10, 1), strike=24400.0, signal_id="signal-1")
    short_put.feed(again)
    assert short_put.fills[-1].status is FillStatus.REJECTED
    assert "has been traded" in short_put.fills[-1].text


def test_there_are_never_more_than_three_positions():
    desk = Desk()
    strikes = (24300.0, 24350.0, 24400.0, 24450.0)
    quotes = dict.fromkeys(strikes, (100.0, 100.5))
    desk.feed(*(entry_order(seq, at(10, 0), strike=strike) for seq, strike in enumerate(strikes, start=1)))
    desk.feed(snapshot(9, at(10, 1), puts=quotes))
    assert len(desk.book.positions) == 3
    assert [fill.text for fill in desk.fills if fill.status is FillStatus.REJECTED] == [
        "3 positions are open or ordered"
    ]


@pytest.mark.parametrize("missing", ["stop", "target"])
def test_no_position_without_stop_and_target(missing: str):
    desk = Desk()
    without: dict[str, Any] = {missing: None}
    desk.feed(put_at(1, 0, 100.0, 100.5), entry_order(1, at(10, 0), **without))
    assert [fill.status for fill in desk.fills] == [FillStatus.REJECTED]


def test_an_exit_order_closes_its_position(short_put: Desk):
    position = short_put.book.positions[0]
    header = chain_header(2, at(10, 1)).child("features").child("predictor").child("risk")
    short_put.feed(
        Order(
            header=header,
            action=OrderAction.EXIT,
            side=Side.BUY,
            strategy="test",
            legs=sold(contract()),
            lots=2,
            lot_size=75,
            limit_price=130.0,
            stop_price=None,
            target_price=None,
            trail_points=None,
            time_exit_ns=None,
            valid_until_ns=header.ts,
            reason="the signal turned",
            closes=position.order_id,
            exit_reason=ExitReason.SIGNAL_CHANGE,
        ),
        put_at(3, 2, 99.0, 99.5),
    )
    (trade,) = short_put.trades
    assert trade.exit_reason is ExitReason.SIGNAL_CHANGE


def test_halt_refuses_entries_and_flatten_closes(short_put: Desk):
    def command(kind: CommandKind) -> Command:
        return Command(header=chain_header(0, at(10, 1)), kind=kind, operator="test", reason="drill")

    short_put.feed(command(CommandKind.HALT), entry_order(2, at(10, 1), strike=24400.0))
    assert short_put.fills[-1].text == "the executor is halted by test: drill"
    short_put.feed(command(CommandKind.FLATTEN), put_at(3, 2, 99.0, 99.5))
    assert [trade.exit_reason for trade in short_put.trades] == [ExitReason.FLATTEN]


def test_a_restart_at_any_step_changes_nothing():
    def story() -> list[Event]:
        call = {24600.0: (80.0, 80.5)}
        return [
            put_at(1, 0, 100.0, 100.5),
            entry_order(1, at(10, 0), trail=10.0),
            snapshot(2, at(10, 1), puts={24500.0: (100.0, 100.5)}, calls=call),
            entry_order(2, at(10, 1), strike=24600.0, kind=CALL, limit=70.0, stop=100.0, target=60.0),
            snapshot(3, at(10, 2), puts={24500.0: (85.0, 85.5)}, calls=call),
            snapshot(4, at(10, 3), puts={24500.0: (99.0, 99.5)}, calls={24600.0: (100.0, 101.0)}),
            snapshot(5, at(10, 4), puts={24500.0: (99.0, 99.5)}, calls={24600.0: (100.0, 101.0)}),
            tick(6, at(15, 30)),
        ]

    straight, broken = Desk(), Desk()
    straight.feed(*story())
    for event in story():
        state = broken.handler.checkpoint()
        broken.handler = Desk().handler
        broken.handler.restore(state)
        broken.feed(event)
    assert broken.events == straight.events
    assert {trade.exit_reason for trade in straight.trades} == {ExitReason.TRAIL, ExitReason.STOP}


def test_cash_reconciles_with_trades_to_the_paisa(short_put: Desk):
    short_put.feed(put_at(3, 2, 69.0, 70.0), put_at(4, 3, 68.5, 69.35))
    (trade,) = short_put.trades
    assert short_put.book.cash_paise == 100_000_000 + trade.net_pnl_paise
    assert trade.entry.direction == 1
    assert trade.contract.kind is PUT
