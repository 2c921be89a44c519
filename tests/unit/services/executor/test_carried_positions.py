"""A position lives until a fill or the exchange ends it: over the close, over a night, over a restart, over a silent feed."""

from __future__ import annotations

import msgspec
import pytest

from shared.clock import ist_ns
from shared.events import (
    BookState,
    ChainSnapshot,
    Event,
    ExitReason,
    FillStatus,
    MarkSource,
    PositionStatus,
    QualityFlag,
)
from tests.builders import at, chain_header, entry_order, snapshot, tick
from tests.hand_fed import HandFed

CAPITAL = 100_000_000
MONDAY = (2025, 9, 1)


def monday(hour: int, minute: int) -> int:
    return ist_ns(*MONDAY, hour, minute)


def put(seq: int, ts: int, bid: float | None, ask: float | None, *, spot: float = 24_500.0) -> ChainSnapshot:
    """A snapshot of the sold put, with a pair of neighbours that give a forward."""
    around = {24_450.0: (90.0, 90.5), 24_550.0: (140.0, 140.5)}
    calls = {24_450.0: (140.0, 140.5), 24_550.0: (90.0, 90.5)}
    return snapshot(seq, ts, puts={24_500.0: (bid, ask), **around}, calls=calls, spot=spot)


def silent(seq: int, ts: int, bid: float, ask: float) -> ChainSnapshot:
    """The last good chain again, standing in for a silent feed."""
    stands_in = (QualityFlag.STALE, QualityFlag.FALLBACK)
    return msgspec.structs.replace(put(seq, ts, bid, ask), quality=stands_in, source="fallback")


def friday() -> list[Event]:
    """Two lots sold at 110; from the square-off on the market is locked at its upper range: bids and no ask."""
    return [
        put(1, at(14, 0), 110.0, 110.5),
        entry_order(1, at(14, 0), limit=100.0, stop=900.0, target=1.0),
        put(2, at(14, 1), 110.0, 110.5),
        put(3, at(15, 20), 380.0, None),
        put(4, at(15, 29), 400.0, None),
        tick(5, at(15, 30)),
    ]


@pytest.fixture
def locked() -> HandFed:
    desk = HandFed()
    desk.feed(*friday())
    return desk


def test_what_cannot_be_bought_back_at_the_close_is_carried_and_not_sold_out(locked: HandFed):
    assert locked.trades == []
    (position,) = locked.book.positions
    assert (position.status, position.lots, position.exit_reason) == (
        PositionStatus.CARRIED,
        2,
        ExitReason.SQUARE_OFF,
    )
    assert position.margin_paise == 20_000_000
    assert locked.book.margin_paise > position.margin_paise  # at the money, two lots bind more than the order said
    assert locked.book.exposure_paise == round(position.mark_price * 100) * 150
    assert locked.book.provisional_paise == locked.book.unrealised_paise
    assert "carried" in locked.alerts


def test_the_next_morning_it_is_still_there_marked_at_425_and_leaves_at_the_ask(locked: HandFed):
    told = len(locked.alerts)
    locked.feed(tick(6, monday(9, 15)))
    assert locked.alerts[told:] == ["carried", "exit_unfilled", "quote_age"]
    locked.feed(put(7, monday(9, 16), 420.0, None))
    assert [each.status for each in locked.book.positions] == [PositionStatus.CARRIED]
    locked.feed(put(8, monday(9, 17), 424.0, 425.0))
    (trade,) = locked.trades
    assert (trade.exit_price, trade.exit_reason) == (425.0, ExitReason.SQUARE_OFF)
    assert trade.gross_pnl_paise == (110 - 425) * 100 * 150
    assert locked.book.positions == ()
    assert locked.book.equity_paise == locked.book.cash_paise == CAPITAL + trade.net_pnl_paise
    assert (locked.book.day, locked.book.realised_paise) == ("2025-09-01", trade.net_pnl_paise)


def test_a_fresh_ask_of_the_morning_marks_what_depth_leaves_open(locked: HandFed):
    locked.feed(snapshot(6, monday(9, 16), puts={24_500.0: (424.0, 425.0)}, qty=75))
    (position,) = locked.book.positions
    assert (position.lots, position.mark_price, position.mark_source) == (1, 425.0, MarkSource.QUOTE)
    assert position.status is PositionStatus.CARRIED
    assert locked.book.unrealised_paise == locked.book.provisional_paise
    assert locked.fills[-1].status is FillStatus.PARTIAL


def test_a_restart_over_night_at_any_step_changes_nothing():
    story = [*friday(), tick(6, monday(9, 15)), put(7, monday(9, 16), 420.0, None), put(8, monday(9, 17), 424.0, 425.0)]
    straight, broken = HandFed(), HandFed()
    straight.feed(*story)
    for event in story:
        broken.restart()
        broken.feed(event)
    assert broken.events == straight.events
    assert len(straight.trades) == 1
    assert "ledger_difference" not in broken.alerts


def test_when_nobody_saw_the_close_the_exit_is_due_with_the_first_quote_of_the_morning():
    desk = HandFed()
    desk.feed(*friday()[:3])
    desk.restart()
    desk.feed(put(6, monday(9, 16), 424.0, 425.0))
    assert "carried" in desk.alerts
    assert [(trade.exit_reason, trade.exit_price) for trade in desk.trades] == [(ExitReason.SQUARE_OFF, 425.0)]


def test_carried_positions_count_against_the_most_that_may_be_held():
    strikes = (24_300.0, 24_350.0, 24_400.0)
    desk = HandFed()
    quotes = dict.fromkeys(strikes, (100.0, 100.5))
    desk.feed(
        *(entry_order(n, at(14, 0), strike=strike, stop=900.0, target=1.0) for n, strike in enumerate(strikes, 1))
    )
    desk.feed(snapshot(9, at(14, 1), puts=quotes), tick(10, at(15, 30)))
    assert {each.status for each in desk.book.positions} == {PositionStatus.CARRIED}
    desk.feed(tick(11, monday(9, 15)), entry_order(12, monday(9, 30)))
    assert desk.fills[-1].text == "3 positions are open or ordered"


def test_what_expires_the_next_day_is_carried_and_then_settles():
    desk = HandFed(square_off_minutes=0.0)
    day, last = at(14, 0), "2025-09-02"
    desk.feed(
        put(1, day, 110.0, 110.5),
        entry_order(1, day, limit=100.0, stop=900.0, target=1.0, expiry=last),
        put(2, at(14, 1), 110.0, 110.5),
        tick(3, at(15, 30)),
        tick(4, monday(15, 30)),
    )
    assert [each.status for each in desk.book.positions] == [PositionStatus.CARRIED]
    tuesday = ist_ns(2025, 9, 2, 15, 15)
    desk.feed(put(5, tuesday, 100.0, None, spot=24_440.0), tick(6, ist_ns(2025, 9, 2, 15, 30)))
    assert [(trade.exit_reason, trade.exit_price) for trade in desk.trades] == [(ExitReason.EXPIRY, 60.0)]


# --- a silent feed ----------------------------------------------------------------------------------------------


@pytest.fixture
def unheard() -> HandFed:
    """Short two lots, stopped, and then the feed falls silent."""
    desk = HandFed()
    desk.feed(
        put(1, at(14, 0), 110.0, 110.5),
        entry_order(1, at(14, 0), limit=100.0, stop=140.0, target=1.0),
        put(2, at(14, 1), 110.0, 110.5),
        put(3, at(14, 2), 141.0, 142.0),
        tick(4, at(14, 7)),
        silent(5, at(14, 7), 141.0, 142.0),
        tick(6, at(14, 8)),
        silent(7, at(14, 8), 141.0, 142.0),
    )
    return desk


def test_what_is_booked_while_the_feed_is_silent_is_provisional(unheard: HandFed):
    assert unheard.trades == []
    (position,) = unheard.book.positions
    assert (position.status, position.mark_price, position.lots) == (PositionStatus.EXIT_UNCONFIRMED, 142.0, 2)
    assert unheard.book.provisional_paise == (110 - 142) * 100 * 150
    assert [fill.status for fill in unheard.fills] == [FillStatus.FILLED, FillStatus.UNKNOWN]
    assert unheard.alerts.count("exit_unconfirmed") == 1


def test_the_first_fresh_quote_fills_it_at_the_market_s_price(unheard: HandFed):
    unheard.restart()
    unheard.feed(put(8, at(14, 12), 160.0, 161.0))
    (trade,) = unheard.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.STOP, 161.0)
    assert unheard.book.cash_paise == CAPITAL + trade.net_pnl_paise


def test_a_feed_that_stays_silent_leaves_it_unconfirmed_over_night(unheard: HandFed):
    unheard.feed(tick(8, at(15, 30)), tick(9, monday(9, 15)))
    unheard.restart()
    unheard.feed(put(10, monday(9, 16), 150.0, None))
    assert [each.status for each in unheard.book.positions] == [PositionStatus.EXIT_UNCONFIRMED]
    unheard.feed(put(11, monday(9, 17), 150.0, 151.0))
    assert [trade.exit_price for trade in unheard.trades] == [151.0]


def test_an_older_book_without_a_status_reads_as_open():
    desk = HandFed()
    desk.feed(*friday()[:3])
    plain = msgspec.to_builtins(desk.book)
    for position in plain["positions"]:
        del position["status"]
    read = msgspec.convert(plain, BookState)
    assert read.positions[0].status is PositionStatus.OPEN
    assert read.header.book == chain_header(1, 0).book


# --- by choice --------------------------------------------------------------------------------------------------


def test_what_is_carried_by_choice_has_no_exit_due_and_keeps_its_stop():
    desk = HandFed(carry_overnight=True)
    desk.feed(
        put(1, at(14, 0), 110.0, 110.5),
        entry_order(1, at(14, 0), limit=100.0, stop=140.0, target=1.0),
        put(2, at(14, 1), 110.0, 110.5),
        put(3, at(15, 25), 110.0, 110.5),
        tick(4, at(15, 30)),
    )
    (position,) = desk.book.positions
    assert (position.status, position.exit_reason) == (PositionStatus.CARRIED, None)
    desk.feed(put(5, monday(9, 16), 150.0, 151.0), put(6, monday(9, 17), 152.0, 153.0))
    assert [(trade.exit_reason, trade.exit_price) for trade in desk.trades] == [(ExitReason.STOP, 153.0)]


def test_an_intraday_product_is_not_carried_by_choice():
    with pytest.raises(ValueError, match="expected PRODUCT carry_forward"):
        HandFed(carry_overnight=True, product="intraday")
