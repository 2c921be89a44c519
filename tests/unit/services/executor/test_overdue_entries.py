"""An entry that is overdue, closing or past its stop is gone before anything fills, on ticks as on snapshots."""

from __future__ import annotations

import msgspec
import pytest

from services.executor.handler import ExecutorHandler
from services.executor.settings import ExecutorSettings
from shared.events import (
    Alert,
    BookState,
    Event,
    ExitReason,
    Fill,
    FillStatus,
    Intent,
    OrderAction,
    QualityFlag,
    Trade,
)
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock
from tests.builders import at, entry_order, snapshot, tick


def desk() -> ExecutorHandler:
    settings = ExecutorSettings(impact_points=0.0)
    calendar = TradingCalendar.load()
    clock = VarianceClock.load(calendar)
    return ExecutorHandler("nifty", settings, calendar, CostTable.load(), ContractTable.load(), clock)


def feed(handler: ExecutorHandler, *events: Event) -> list[Event]:
    return [out for event in events for out in handler.handle(event)]


def put_at(seq: int, hour: int, minute: int, bid: float, ask: float, qty: int = 7500):
    return snapshot(seq, at(hour, minute), puts={24500.0: (bid, ask)}, qty=qty)


def last_intent(events: list[Event]) -> Intent:
    return [event for event in events if isinstance(event, Intent)][-1]


@pytest.mark.parametrize("minutes", [4, 9])
def test_a_silent_feed_does_not_keep_an_entry_nor_the_venue_short(minutes: int):
    handler = desk()
    made = feed(handler, put_at(1, 10, 0, 100.0, 100.5), entry_order(1, at(10, 0)))
    assert last_intent(made).targets[0].direction == 1
    made = feed(handler, tick(2, at(10, minutes)))
    assert last_intent(made).targets[0].direction == 0
    assert [fill.status for fill in made if isinstance(fill, Fill)] == [FillStatus.EXPIRED]


def test_no_entry_is_left_working_at_the_square_off():
    handler = desk()
    feed(handler, put_at(1, 15, 10, 100.0, 100.5), entry_order(1, at(15, 10), valid_minutes=30.0))
    made = feed(handler, tick(2, at(15, 20)))
    assert [fill.text for fill in made if isinstance(fill, Fill)] == ["too late in the day to open"]


def test_what_remains_of_an_entry_never_reopens_what_was_closed():
    handler = desk()
    made = feed(
        handler,
        put_at(1, 10, 0, 100.0, 100.5),
        entry_order(1, at(10, 0), lots=4, valid_minutes=10.0),
        put_at(2, 10, 1, 100.0, 100.5, qty=80),
        put_at(3, 10, 2, 130.0, 130.5),
        put_at(4, 10, 3, 120.0, 121.0),
        put_at(5, 10, 4, 100.0, 100.5),
    )
    (trade,) = [event for event in made if isinstance(event, Trade)]
    assert (trade.lots, trade.exit_reason) == (1, ExitReason.STOP)
    entered = [event for event in made if isinstance(event, Fill) and event.action is OrderAction.ENTER and event.lots]
    assert len(entered) == 1
    assert [event for event in made if isinstance(event, BookState)][-1].positions == ()


def test_a_stop_crossed_before_the_fill_ends_the_entry_at_once():
    handler = desk()
    feed(handler, put_at(1, 10, 0, 100.0, 100.5), entry_order(1, at(10, 0)))
    made = feed(handler, put_at(2, 10, 1, 140.0, 141.0))
    assert [fill.text for fill in made if isinstance(fill, Fill)] == ["its stop was crossed before it filled"]
    assert last_intent(made).targets[0].direction == 0


def test_nothing_is_entered_on_a_stale_chain():
    handler = desk()
    stale = msgspec.structs.replace(put_at(2, 10, 1, 100.0, 100.5), quality=(QualityFlag.STALE,))
    made = feed(handler, put_at(1, 10, 0, 100.0, 100.5), entry_order(1, at(10, 0)), stale)
    assert [event for event in made if isinstance(event, Fill)] == []


def test_an_exit_nobody_fills_is_told_of_once():
    handler = desk()
    feed(handler, put_at(1, 10, 0, 100.0, 100.5), entry_order(1, at(10, 0)), put_at(2, 10, 1, 100.0, 100.5))
    made = feed(handler, *(put_at(2 + n, 10, 1 + n, 130.0, 131.0, qty=10) for n in range(1, 9)))
    assert [event for event in made if isinstance(event, Trade)] == []
    codes = [event.code for event in made if isinstance(event, Alert)]
    assert codes.count("exit_unfilled") == 1


def test_paper_alone_says_nothing_of_venue_slots():
    handler = desk()
    quotes = {24400.0: (80.0, 80.5), 24500.0: (100.0, 100.5)}
    made = feed(
        handler,
        snapshot(1, at(10, 0), puts=quotes),
        entry_order(1, at(10, 0)),
        entry_order(2, at(10, 0), strike=24400.0, limit=70.0, stop=110.0, target=60.0),
    )
    assert [event for event in made if isinstance(event, Alert)] == []
