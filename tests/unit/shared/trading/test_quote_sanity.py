"""An absurd quote neither stops a position out nor marks it; a real gap does both, at once or at the second snapshot."""

from __future__ import annotations

import msgspec
import pytest

from shared.events import ChainSnapshot, ExitReason, MarkSource, QualityFlag
from shared.market.quote_table import QuoteTable
from shared.trading.mark_to_market import forward_of
from shared.trading.quotes import quote_of
from tests.builders import PUT, at, contract, entry_order, snapshot
from tests.hand_fed import HandFed

NORMAL = (100.0, 100.5)
ABSURD = (100.0, 1005.0)
GAP = (140.0, 141.0)


def put(seq: int, minute: int, quote: tuple[float | None, float | None], *flags: QualityFlag) -> ChainSnapshot:
    made = snapshot(seq, at(10, minute), puts={24500.0: quote})
    return msgspec.structs.replace(made, quality=flags)


@pytest.fixture
def short() -> HandFed:
    """A desk short two lots of the 24500 put at 100, stop 130, target 70."""
    desk = HandFed()
    desk.feed(put(1, 0, NORMAL), entry_order(1, at(10, 0)), put(2, 1, NORMAL))
    return desk


def test_one_poll_of_absurd_asks_moves_neither_stop_nor_mark_nor_result(short: HandFed):
    before = short.book
    short.feed(put(3, 2, ABSURD))
    (position,) = short.book.positions
    assert position.exit_reason is None
    assert (position.mark_price, position.mark_source) == (100.5, MarkSource.LAST)
    assert (short.book.equity_paise, short.book.unrealised_paise) == (
        before.equity_paise,
        before.unrealised_paise,
    )
    short.feed(put(4, 3, NORMAL))
    assert short.book.positions[0].exit_reason is None
    assert short.book.positions[0].mark_source is MarkSource.QUOTE


def test_absurd_asks_that_last_are_no_proof_either(short: HandFed):
    short.feed(*(put(seq, seq - 1, ABSURD) for seq in range(3, 9)))
    assert short.book.positions[0].exit_reason is None
    assert short.trades == []


@pytest.mark.parametrize("quote", [(None, 1005.0), (10.0, 100.5), (1.0, 99.0), (50.0, 131.0)])
def test_a_side_that_went_missing_or_fell_away_is_no_quote(short: HandFed, quote):
    short.feed(put(3, 2, quote), put(4, 3, quote))
    assert short.book.positions[0].exit_reason is None
    assert short.book.positions[0].mark_price == pytest.approx(100.5, abs=0.5)


def test_a_real_gap_stops_out_at_once_and_fills_at_the_next_snapshot(short: HandFed):
    short.feed(put(3, 2, GAP))
    assert short.book.positions[0].exit_reason is ExitReason.STOP
    short.feed(put(4, 3, (150.0, 151.0)))
    (trade,) = short.trades
    assert (trade.exit_reason, trade.exit_price) == (ExitReason.STOP, 151.0)


def test_an_ask_over_the_stop_counts_when_the_next_quote_says_so_and_is_forgotten_when_it_does_not(short: HandFed):
    over, under = (128.0, 131.0), (120.0, 121.0)
    short.feed(put(3, 2, over), put(4, 3, under), put(5, 4, over))
    assert short.book.positions[0].exit_reason is None
    short.feed(put(6, 5, over))
    assert short.book.positions[0].exit_reason is ExitReason.STOP


def test_a_snapshot_without_a_quote_between_two_that_say_so_disproves_nothing(short: HandFed):
    over = (128.0, 131.0)
    short.feed(put(3, 2, over), put(4, 3, ABSURD), put(5, 4, over))
    assert short.book.positions[0].exit_reason is ExitReason.STOP


def test_the_same_chain_under_a_new_stamp_proves_nothing_a_second_time(short: HandFed):
    over = (128.0, 131.0)
    short.feed(put(3, 2, over), put(4, 3, over, QualityFlag.STALE))
    assert short.book.positions[0].exit_reason is None
    short.feed(put(5, 4, (128.05, 131.0)))
    assert short.book.positions[0].exit_reason is ExitReason.STOP


def test_the_story_outlives_a_restart(short: HandFed):
    over = (128.0, 131.0)
    short.feed(put(3, 2, over))
    short.restart()
    short.feed(put(4, 3, over))
    assert short.book.positions[0].exit_reason is ExitReason.STOP


def test_an_exit_waits_out_an_absurd_ask_and_takes_one_that_lasts(short: HandFed):
    short.feed(put(3, 2, GAP), put(4, 3, (140.0, 1400.0)))
    assert short.trades == []
    short.feed(put(5, 4, (140.0, 260.0)))
    (trade,) = short.trades
    assert trade.exit_price == 260.0
    assert trade.exit_reason is ExitReason.STOP


def test_an_entry_is_neither_sold_into_an_absurd_quote_nor_dropped_for_one():
    desk = HandFed()
    desk.feed(put(1, 0, NORMAL), entry_order(1, at(10, 0)), put(2, 1, ABSURD))
    assert desk.fills == []
    desk.feed(put(3, 2, NORMAL))
    assert [fill.price for fill in desk.fills] == [100.0]


def test_the_forward_is_told_by_quotes_alone():
    quotes = {
        strike: (200.0 + 24500.0 - strike, 201.0 + 24500.0 - strike) for strike in (24300.0, 24400.0, 24500.0, 24600.0)
    }
    puts = dict.fromkeys(quotes, (200.0, 201.0))
    bounds = QuoteTable.load()
    good = snapshot(1, at(10, 0), calls=quotes, puts=puts)
    absurd = {strike: (bid, ask * 10.0) for strike, (bid, ask) in quotes.items()}
    bad = snapshot(2, at(10, 1), calls=absurd, puts=puts)
    expiry = good.expiries[0].expiry
    forward = forward_of(good, expiry, {}, bounds)
    seen: dict[str, object] = {}
    assert forward_of(good, expiry, seen, bounds) == forward == pytest.approx(24500.0)  # type: ignore[arg-type]
    assert forward_of(bad, expiry, seen, bounds) == forward  # type: ignore[arg-type]


def test_what_was_shown_is_kept_beside_what_is_believed():
    made = put(1, 0, ABSURD)
    believed = quote_of(made, contract(24500.0, PUT), QuoteTable.load())
    assert (believed.bid, believed.ask) == (None, None)
    assert believed.beyond is not None
    assert (believed.beyond.bid, believed.beyond.ask) == ABSURD
    assert quote_of(made, contract(24500.0, PUT)).ask == 1005.0
