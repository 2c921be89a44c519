"""What expires settles at the exchange's own level: the last half hour's average once, the closing auction's price since.

4 August 2026 is the measured day: the parity forward stood at 24,485 at 15:14 and at 24,612 at 15:30, and the index
closed at 24,614.90. One lot of 65 of the 24500 call, sold at 41.75, loses 4,754.75 before costs; the average of what was
shown in the last half hour would have said that it earns 1,142.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from shared.clock import ist_ns
from shared.events import Command, CommandKind, Event, ExitReason, Order, PositionStatus
from shared.market.calendar import TradingCalendar
from tests.builders import CALL, chain_header, entry_order, snapshot, tick
from tests.hand_fed import HandFed as Desk

EXPIRY = "2026-08-04"
CLOSE = 24_614.90
SHOWN = (24_485.0, 24_490.0, 24_495.0, 24_520.0, 24_551.8, 24_603.3)
"""Index levels as seen from 15:10 on: frozen at first, then indicative; 24,524.18 on average."""


def at(hour: int, minute: int, day: int = 4) -> int:
    return ist_ns(2026, 8, day, hour, minute)


def call_at(seq: int, ts: int, bid: float | None, ask: float | None, spot: float = 24_490.0):
    return snapshot(seq, ts, calls={24_500.0: (bid, ask)}, spot=spot, expiry=EXPIRY)


def entry(seq: int, ts: int) -> Order:
    order = entry_order(seq, ts, strike=24_500.0, kind=CALL, lots=1, limit=40.0, stop=400.0, target=1.0, expiry=EXPIRY)
    return msgspec.structs.replace(order, lot_size=65)


def settle(level: float, source: str = "NSE closing auction", day: str | None = None, **changes: object) -> Command:
    values: dict[str, object] = {"operator": "asha", "reason": source, "underlying": "NIFTY"} | changes
    return Command(
        header=chain_header(0, at(16, 0)),
        kind=CommandKind.SETTLE,
        value=level,
        source=source,
        day=day,
        **values,  # type: ignore[arg-type]
    )


def to_the_close() -> list[Event]:
    """A short call of the last day held into the auction, with no ask in its last half hour."""
    seen = [call_at(3 + step, at(15, 10 + 5 * step), 60.0, None, spot) for step, spot in enumerate(SHOWN)]
    return [
        call_at(1, at(14, 0), 41.75, 41.80),
        entry(1, at(14, 0)),
        call_at(2, at(14, 1), 41.75, 41.80),
        *seen,
        tick(9, at(15, 40)),
    ]


@pytest.fixture
def held() -> Desk:
    desk = Desk(hold_through_auction=True)
    desk.feed(*to_the_close())
    return desk


def test_the_average_of_what_was_shown_would_have_said_that_the_short_earned():
    assert sum(SHOWN) / len(SHOWN) == pytest.approx(24_524.18, abs=0.01)
    assert round(65 * (41.75 - 24.18)) == 1_142


def test_a_level_nobody_knows_is_not_invented(held: Desk):
    assert held.trades == []
    (position,) = held.book.positions
    assert (position.status, position.lots, position.exit_reason) == (
        PositionStatus.SETTLEMENT_PENDING,
        1,
        ExitReason.EXPIRY,
    )
    assert "settlement_pending" in held.alerts
    assert (held.book.exposure_paise, held.book.margin_paise) == (0, 0)
    assert held.book.provisional_paise == held.book.unrealised_paise != 0
    assert held.book.equity_paise == held.book.cash_paise - round(100 * 65 * position.mark_price)


def test_the_auction_s_price_settles_the_short_at_a_loss_of_4755_a_lot(held: Desk):
    held.feed(settle(CLOSE))
    (trade,) = held.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.EXPIRY, 114.90)
    assert trade.gross_pnl_paise == -475_475
    assert trade.net_pnl_paise == -475_475 - trade.costs_paise
    made_of = trade.attribution
    assert made_of is not None
    assert made_of.net_paise == trade.net_pnl_paise
    # Sold 0.025 under the mid; settling has no spread, and what the index did cost more than all the time brought.
    assert abs(made_of.spread_and_impact_paise + 162.5) <= 2
    assert made_of.index_move_paise < -made_of.time_paise < 0
    assert held.book.positions == ()
    assert held.book.cash_paise == 100_000_000 + trade.net_pnl_paise
    assert (held.book.day, held.book.realised_paise) == (EXPIRY, trade.net_pnl_paise)
    assert trade.header.ts == at(15, 40)
    assert held.book.header.seq == 9


def test_a_level_told_between_matching_and_the_close_is_used_at_the_close():
    desk = Desk(hold_through_auction=True)
    *before, close = to_the_close()
    desk.feed(*before, settle(CLOSE), close)
    assert [trade.exit_price for trade in desk.trades] == [114.90]
    assert "settlement_pending" not in desk.alerts


def test_a_slip_of_the_pen_told_before_the_close_settles_nothing_either():
    desk = Desk(hold_through_auction=True)
    *before, close = to_the_close()
    desk.feed(*before, settle(2_461.49), close)
    assert desk.trades == []
    assert "settlement_refused" in desk.alerts
    assert desk.book.positions[0].status is PositionStatus.SETTLEMENT_PENDING


def test_yesterday_s_level_told_in_the_morning_is_not_today_s():
    desk = Desk(hold_through_auction=True)
    first, *rest = to_the_close()
    early = msgspec.structs.replace(settle(24_310.0), header=chain_header(0, at(14, 0)))
    desk.feed(first, early, *rest)
    assert desk.trades == []
    assert "settlement_refused" in desk.alerts


def test_the_market_s_own_time_counts_where_the_operator_s_is_behind_it(held: Desk):
    held.feed(msgspec.structs.replace(settle(CLOSE), header=chain_header(0, at(12, 0, day=3))))
    assert [trade.exit_price for trade in held.trades] == [114.90]


@pytest.mark.parametrize("day", ["4 August", "1999-08-04", "2026-08-02", "2026-08-11"])
def test_a_level_of_a_day_that_has_none_is_not_kept(held: Desk, day: str):
    held.feed(settle(CLOSE, day=day))
    assert held.alerts[-1] == "settlement_refused"
    assert held.handler._state.levels == {}


def test_what_waits_outlives_a_restart_and_a_night_and_keeps_nobody_from_trading(held: Desk):
    held.restart()
    held.feed(call_at(10, at(9, 16, day=5), None, None))
    (position,) = held.book.positions
    assert position.status is PositionStatus.SETTLEMENT_PENDING
    assert held.alerts.count("settlement_pending") == 2
    flatten = Command(header=chain_header(0, at(9, 17, day=5)), kind=CommandKind.FLATTEN, operator="asha", reason="x")
    held.feed(flatten, tick(11, at(9, 18, day=5)))
    held.restart()
    held.feed(settle(CLOSE, day=EXPIRY))
    assert [trade.gross_pnl_paise for trade in held.trades] == [-475_475]


@pytest.mark.parametrize(
    "wrong",
    [
        settle(2_461.49),
        settle(-1.0),
        settle(CLOSE, source=" "),
        settle(CLOSE, underlying=""),
    ],
    ids=["a slip of the pen", "not positive", "no source", "no underlying"],
)
def test_a_level_that_cannot_be_is_refused_with_an_alert(held: Desk, wrong: Command):
    held.feed(wrong)
    assert held.trades == []
    assert held.alerts[-1] == "settlement_refused"


def test_a_level_of_another_day_settles_nothing(held: Desk):
    held.feed(settle(CLOSE, day="2026-08-11"))
    assert held.trades == []
    assert held.book.positions[0].status is PositionStatus.SETTLEMENT_PENDING


def test_a_contract_whose_close_nobody_saw_waits_for_its_level_the_next_morning():
    desk = Desk(hold_through_auction=True)
    *before, _close = to_the_close()
    desk.feed(*before)
    desk.restart()
    desk.feed(tick(20, at(9, 15, day=5)))
    assert "settlement_pending" in desk.alerts
    desk.feed(settle(CLOSE))
    assert [trade.exit_price for trade in desk.trades] == [114.90]


def test_what_a_night_settled_is_in_the_book_with_the_morning_s_first_tick():
    desk = Desk(hold_through_auction=True)
    *before, _close = to_the_close()
    desk.feed(*before, settle(CLOSE, day=EXPIRY))
    desk.restart()
    desk.feed(tick(20, at(9, 15, day=5)))
    (trade,) = desk.trades
    assert desk.book.positions == ()
    assert (desk.book.header.seq, desk.book.cash_paise) == (20, 100_000_000 + trade.net_pnl_paise)


def test_before_august_2026_the_last_half_hour_s_average_settles_and_without_any_level_the_short_waits():
    day, strike = "2026-07-28", 24_500.0

    def of(seq: int, hour: int, minute: int, quote: tuple[float | None, float | None], spot: float | None):
        stamp = ist_ns(2026, 7, 28, hour, minute)
        return snapshot(seq, stamp, calls={strike: quote}, spot=spot, expiry=day)

    def story(*levels: float | None) -> Desk:
        desk = Desk(square_off_minutes=0.0)
        start = ist_ns(2026, 7, 28, 14, 0)
        order = entry_order(1, start, strike=strike, kind=CALL, lots=1, limit=40.0, stop=400.0, target=1.0, expiry=day)
        quoted = (41.75, 41.80)
        desk.feed(of(1, 14, 0, quoted, 24_490.0), order, of(2, 14, 1, quoted, 24_490.0))
        desk.feed(*(of(3 + n, 15, 5 + 10 * n, (60.0, None), level) for n, level in enumerate(levels)))
        desk.feed(tick(9, ist_ns(2026, 7, 28, 15, 30)))
        return desk

    averaged = story(24_540.0, 24_550.0, 24_560.0)
    assert [(trade.exit_reason, trade.exit_price) for trade in averaged.trades] == [(ExitReason.EXPIRY, 50.0)]
    unknown = story(None, None, None)
    assert unknown.trades == []
    assert unknown.book.positions[0].status is PositionStatus.SETTLEMENT_PENDING


def test_what_expires_today_is_flat_before_the_auction_and_what_does_not_runs_on():
    desk = Desk(front_expiry_only=False)
    later = "2026-08-11"
    order = entry_order(2, at(14, 0), strike=24_500.0, kind=CALL, lots=1, limit=40.0, stop=400.0, target=1.0)
    week = msgspec.structs.replace(order, legs=(msgspec.structs.replace(order.legs[0], contract=_contract(later)),))

    def both(seq: int, hour: int, minute: int):
        near = call_at(seq, at(hour, minute), 41.75, 41.80)
        far = snapshot(seq, at(hour, minute), calls={24_500.0: (41.75, 41.80)}, expiry=later)
        return msgspec.structs.replace(near, expiries=near.expiries + far.expiries)

    desk.feed(both(1, 14, 0), entry(1, at(14, 0)), week, both(3, 14, 1), both(4, 15, 4), both(5, 15, 5), both(6, 15, 6))
    assert [(trade.contract.expiry, trade.exit_reason) for trade in desk.trades] == [(EXPIRY, ExitReason.SQUARE_OFF)]
    assert [position.contract.expiry for position in desk.book.positions] == [later]
    desk.feed(both(7, 15, 29), both(8, 15, 30), both(9, 15, 31))
    assert desk.book.positions == ()


def test_an_intraday_product_is_flat_before_the_broker_buys_by_itself():
    desk = Desk(product="intraday", broker_square_off="15:20", front_expiry_only=False)
    day = "2026-08-11"

    def of(seq: int, minute: int):
        return snapshot(seq, at(15, minute), calls={24_500.0: (41.75, 41.80)}, expiry=day)

    order = entry_order(1, at(15, 0), strike=24_500.0, kind=CALL, lots=1, limit=40.0, stop=400.0, target=1.0)
    legs = (msgspec.structs.replace(order.legs[0], contract=_contract(day)),)
    desk.feed(of(1, 0), msgspec.structs.replace(order, legs=legs), of(2, 1), of(3, 9), of(4, 10), of(5, 11))
    assert [(trade.exit_reason, trade.header.ts) for trade in desk.trades] == [(ExitReason.SQUARE_OFF, at(15, 11))]


def _contract(expiry: str):
    return entry_order(1, 0, strike=24_500.0, kind=CALL, expiry=expiry).legs[0].contract


def test_the_previous_close_of_the_feed_settles_what_ended_the_trading_day_before(held: Desk):
    held.restart()
    wednesday = at(9, 16, day=5)
    silent = call_at(10, wednesday, None, None)
    told = msgspec.structs.replace(silent, previous_close=CLOSE)
    far = msgspec.structs.replace(silent, previous_close=2_461.49)
    held.feed(silent, msgspec.structs.replace(far, header=chain_header(11, at(9, 17, day=5))))
    assert held.trades == []
    held.feed(msgspec.structs.replace(told, header=chain_header(12, at(9, 18, day=5))))
    assert [(trade.exit_price, trade.gross_pnl_paise) for trade in held.trades] == [(114.90, -475_475)]
    assert "settlement_level" in held.alerts


def test_the_previous_close_of_a_later_day_is_not_the_level(held: Desk):
    held.feed(msgspec.structs.replace(call_at(10, at(9, 16, day=6), None, None), previous_close=CLOSE))
    assert held.trades == []
    assert held.book.positions[0].status is PositionStatus.SETTLEMENT_PENDING


def test_the_previous_close_may_be_that_of_a_session_of_unknown_hours_between(tmp_path: Path):
    table = tmp_path / "calendar.toml"
    between = '[[session]]\nday = 2026-08-05\nkind = "MUHURAT"\n'
    table.write_text(f"covered_from = 2012-01-01\ncovered_until = 2026-12-31\n{between}", encoding="utf-8")
    desk = Desk(TradingCalendar.load(table), hold_through_auction=True)
    desk.feed(*to_the_close())
    desk.feed(msgspec.structs.replace(call_at(10, at(9, 16, day=6), None, None), previous_close=CLOSE))
    assert desk.trades == []
    desk.feed(settle(CLOSE, day=EXPIRY))
    assert len(desk.trades) == 1


def test_what_settles_in_the_morning_counts_on_that_day():
    desk = Desk(hold_through_auction=True)
    *before, _close = to_the_close()
    desk.feed(*before, settle(CLOSE, day=EXPIRY), call_at(20, at(9, 16, day=5), None, None))
    (trade,) = desk.trades
    assert trade.exit_price == 114.90
    assert (desk.book.day, desk.book.day_trades, desk.book.realised_paise) == ("2026-08-05", 1, trade.net_pnl_paise)
