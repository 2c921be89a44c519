"""The book binds what its positions do together, reckoned anew at every snapshot."""

from __future__ import annotations

import pytest

from services.executor.handler import ExecutorHandler
from services.executor.settings import ExecutorSettings
from shared.clock import ist_date
from shared.events import BookState, ChainSnapshot, Event, VolatilitySource
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.dated_table import DatedTable
from shared.market.margin_files import PublishedMargins
from shared.market.margin_table import MarginTable
from shared.market.variance_clock import VarianceClock
from tests.builders import CALL, PUT, at, entry_order, snapshot

TODAY = ist_date(at(10, 0))
QUOTED: dict[float, tuple[float | None, float | None]] = {24_500.0: (100.0, 100.5)}


def desk(margins: MarginTable | None = None) -> ExecutorHandler:
    calendar = TradingCalendar.load()
    tables = (calendar, CostTable.load(), ContractTable.load(), VarianceClock.load(calendar))
    return ExecutorHandler("nifty", ExecutorSettings(impact_points=0.0), *tables, margins)


def chain(seq: int, minute: int, spot: float = 24_500.0) -> ChainSnapshot:
    return snapshot(seq, at(10, minute), spot=spot, puts=QUOTED, calls=QUOTED)


def book_after(handler: ExecutorHandler, *events: Event) -> BookState:
    return [out for event in events for out in handler.handle(event) if isinstance(out, BookState)][-1]


def straddle(handler: ExecutorHandler) -> BookState:
    put = entry_order(1, at(10, 0), strike=24_500.0, kind=PUT, signal_id="a")
    call = entry_order(2, at(10, 1), strike=24_500.0, kind=CALL, signal_id="b")
    return book_after(handler, chain(1, 0), put, chain(2, 1), call, chain(3, 2))


def test_a_straddle_binds_far_less_than_both_sides_by_themselves():
    both = desk()
    straddled = straddle(both)
    assert [position.contract.kind for position in straddled.positions] == [PUT, CALL]
    alone = [
        book_after(desk(), chain(1, 0), entry_order(1, at(10, 0), strike=24_500.0, kind=kind), chain(2, 1))
        for kind in (PUT, CALL)
    ]
    apart = sum(book.margin_paise for book in alone)
    assert min(book.margin_paise for book in alone) < straddled.margin_paise < 0.62 * apart


def test_the_margin_is_reckoned_anew_at_every_snapshot():
    handler = desk()
    at_the_money = book_after(handler, chain(1, 0), entry_order(1, at(10, 0), strike=24_500.0), chain(2, 1))
    far = book_after(handler, snapshot(3, at(10, 2), spot=25_500.0, puts={24_500.0: (20.0, 20.5)}))
    assert far.positions[0].margin_paise == at_the_money.positions[0].margin_paise
    assert far.margin_paise < 0.95 * at_the_money.margin_paise


def test_an_entry_that_may_still_fill_counts_with_what_it_was_ordered_with():
    handler, order = desk(), entry_order(1, at(10, 0), strike=24_500.0)
    waiting = book_after(handler, chain(1, 0), order, snapshot(2, at(10, 1), calls=QUOTED))
    assert waiting.pending_orders == (order.header.id,)
    assert waiting.margin_paise == waiting.pending_margin_paise == order.margin_paise
    filled = book_after(handler, chain(3, 2))
    assert filled.pending_margin_paise == 0
    assert filled.margin_paise > 0


def test_free_is_what_is_left_of_the_account_without_gains_nobody_has_realised():
    empty = book_after(desk(), chain(1, 0))
    assert empty.free_paise == empty.equity_paise == empty.cash_paise
    handler = desk()
    loses = book_after(handler, chain(1, 0), entry_order(1, at(10, 0), strike=24_500.0), chain(2, 1))
    assert loses.unrealised_paise < 0
    assert loses.free_paise == loses.equity_paise - loses.margin_paise
    gains = book_after(handler, snapshot(3, at(10, 2), puts={24_500.0: (79.5, 80.0)}))
    assert gains.unrealised_paise > 0
    assert gains.free_paise == gains.equity_paise - gains.unrealised_paise - gains.margin_paise


def test_the_book_says_what_its_margin_was_reckoned_by():
    (floor,) = book_after(desk(), chain(1, 0)).margin_basis
    assert (floor.underlying, floor.level, floor.source) == ("NIFTY", 24_500.0, VolatilitySource.FLOOR)
    eve = TODAY.replace(day=TODAY.day - 1)
    margins = MarginTable(DatedTable.load("margin"), PublishedMargins({eve: {"NIFTY": 0.02}}, {}))
    stormy = straddle(desk(margins))
    (told,) = stormy.margin_basis
    assert (told.source, told.daily_volatility) == (VolatilitySource.PUBLISHED, 0.02)
    assert stormy.margin_paise > 1.3 * straddle(desk()).margin_paise


def test_a_restarted_executor_reckons_on_as_before():
    handler, restarted = desk(), desk()
    straddle(handler)
    restarted.restore(handler.checkpoint())
    later = chain(4, 3, spot=24_600.0)
    assert book_after(restarted, later).margin_paise == book_after(handler, later).margin_paise


def test_a_chain_without_an_index_level_is_reckoned_by_what_else_is_known():
    handler = desk()
    held = book_after(
        handler,
        snapshot(1, at(10, 0), puts=QUOTED, calls=QUOTED, spot=None),
        entry_order(1, at(10, 0), strike=24_500.0),
        snapshot(2, at(10, 1), puts=QUOTED, calls=QUOTED, spot=None),
    )
    assert held.margin_basis == ()
    with_level = book_after(desk(), chain(1, 0), entry_order(1, at(10, 0), strike=24_500.0), chain(2, 1))
    assert held.margin_paise == pytest.approx(
        with_level.margin_paise, rel=0.05
    )  # without a level neither forward nor volatility is measured
