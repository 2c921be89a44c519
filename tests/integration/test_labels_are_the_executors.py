"""A label is what the executor would have booked: one code for both, shown on every trade of a synthetic day."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec import structs

from services.executor.handler import ExecutorHandler
from services.trainer.dataset.labels import PaperTerms, QuotePath, ShortOrder, ShortOutcome, short_outcome
from shared.clock import NS_PER_MINUTE, ist_date
from shared.events import BookState, ChainSnapshot, ClockTick, Event, ExitReason, LegColumns, Order, Trade
from shared.streaming.memory.engine import MemoryEngine
from shared.trading.quotes import quote_of
from tests.builders import SHORT_HOLDING, UNGATED, environ_of
from tests.migration.decisions import DEMO_SEED, synthetic
from trading_system.wiring import Installation

BY_ORDER = {ExitReason.SIGNAL_CHANGE, ExitReason.FLATTEN, ExitReason.ORDER}
"""Closed by a word of risk, which a label does not hear."""


class Day:
    """One synthetic day through the whole pipeline, and its trades made again as labels."""

    def __init__(self, **executor: str) -> None:
        environ = {f"THETAFLOW_EXECUTOR_{name.upper()}": text for name, text in executor.items()}
        environ |= environ_of(**UNGATED, **SHORT_HOLDING)
        self.house = Installation.load(environ)
        self.events: list[Event] = []
        ingest = self.house.ingest_handler("nifty")
        engine = MemoryEngine(self.house.services(), observer=self.events.append)
        for item in synthetic(DEMO_SEED, 1):
            engine.publish(ingest.accept(item))
        engine.publish(ingest.end_of_day())
        self.snapshots = [event for event in self.events if isinstance(event, ChainSnapshot)]
        self.orders = {event.header.id: event for event in self.events if isinstance(event, Order)}
        self.trades = [event for event in self.events if isinstance(event, Trade)]

    def label(self, trade: Trade) -> ShortOutcome:
        """Reckon a trade's outcome from its order and the quotes alone."""
        order = self.orders[trade.entry_order_id]
        session = self.house.calendar.session(ist_date(order.header.ts))
        assert session is not None
        assert order.stop_price is not None
        assert order.target_price is not None
        assert order.time_exit_ns is not None
        square_off = session.close_ns - int(self.house.executor.square_off_minutes * NS_PER_MINUTE)
        asked = ShortOrder(
            contract=trade.contract,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            target_price=order.target_price,
            trail_points=order.trail_points,
            valid_until_ns=order.valid_until_ns,
            time_exit_ns=order.time_exit_ns,
            square_off_ns=square_off,
            lots=order.lots,
            lot_size=order.lot_size,
        )
        stamps = tuple(snapshot.header.ts for snapshot in self.snapshots)
        quotes = tuple(quote_of(snapshot, trade.contract, self.house.quotes) for snapshot in self.snapshots)
        at = next(row for row, one in enumerate(self.snapshots) if one.header.seq == order.header.seq)
        terms = PaperTerms(self.house.executor, self.house.contracts, self.house.costs)
        outcome = short_outcome(QuotePath(trade.contract, stamps, quotes), at, asked, terms)
        assert isinstance(outcome, ShortOutcome)
        return outcome


def booked(trade: Trade) -> tuple[object, ...]:
    """Give what a trade and a label must agree on, to the paisa."""
    units = trade.lots * trade.lot_size
    prices = (trade.entry_price, trade.exit_price)
    return (
        trade.entry_ts,
        trade.header.ts,
        *prices,
        trade.net_pnl_paise / (100 * units),
        trade.exit_reason,
        trade.lots,
    )


def reckoned(outcome: ShortOutcome) -> tuple[object, ...]:
    """Give the same of a label."""
    prices = (outcome.entry, outcome.exit)
    return (outcome.entry_ts, outcome.exit_ts, *prices, outcome.net, outcome.reason, outcome.lots)


@pytest.mark.parametrize("impact_fraction", ["0.0", "0.004"])
def test_every_trade_of_the_day_labels_as_it_was_booked(impact_fraction: str):
    day = Day(impact_fraction=impact_fraction)
    compared = [trade for trade in day.trades if trade.exit_reason not in BY_ORDER]
    assert len(compared) >= 5
    for trade in compared:
        assert reckoned(day.label(trade)) == booked(trade)


def absurd(snapshot: ChainSnapshot) -> ChainSnapshot:
    """Make a poll's asks ten times too high, bids as they are."""
    expiries = tuple(structs.replace(one, call=tenfold(one.call), put=tenfold(one.put)) for one in snapshot.expiries)
    return structs.replace(snapshot, expiries=expiries)


def tenfold(leg: LegColumns) -> LegColumns:
    """Multiply the asks of one side by ten."""
    return structs.replace(leg, ask=tuple(None if ask is None else ask * 10.0 for ask in leg.ask))


def test_absurd_polls_while_a_position_is_held_change_no_trade_and_no_label():
    day = Day()
    house = day.house
    stamps = [one.header.ts for one in day.snapshots]
    moved = {trade.entry_ts for trade in day.trades} | {trade.header.ts for trade in day.trades}
    # What a poll without quotes puts off is a fill, and an exit that this very poll would have decided.
    busy = {stamp for pair in pairwise(stamps) if moved.intersection(pair) for stamp in pair}
    held = [
        ts for ts in stamps if ts not in busy and any(trade.entry_ts < ts < trade.header.ts for trade in day.trades)
    ]
    polls = set(held[::4])
    assert len(polls) >= 20
    disturbed = [
        absurd(event) if isinstance(event, ChainSnapshot) and event.header.ts in polls else event
        for event in day.events
    ]
    executor = ExecutorHandler(
        "nifty", house.executor, house.calendar, house.costs, house.contracts, house.clock, house.margins, house.quotes
    )
    seen = (ChainSnapshot, ClockTick, Order)
    made = [one for event in disturbed if isinstance(event, seen) for one in executor.handle(event)]
    assert [booked(one) for one in made if isinstance(one, Trade)] == [booked(trade) for trade in day.trades]
    equity = {one.header.ts: one.equity_paise for one in made if isinstance(one, BookState)}
    calm = {one.header.ts: one.equity_paise for one in day.events if isinstance(one, BookState)}
    lowest = min(calm.values())
    assert min(equity[ts] for ts in polls) >= lowest
    day.snapshots = [event for event in disturbed if isinstance(event, ChainSnapshot)]
    compared = [trade for trade in day.trades if trade.exit_reason not in BY_ORDER]
    for trade in compared:
        assert reckoned(day.label(trade)) == booked(trade)


def test_impact_moves_executor_and_label_alike():
    cheap, dear = Day(), Day(impact_fraction="0.004")
    first, costly = cheap.trades[0], dear.trades[0]
    assert first.entry_order_id == costly.entry_order_id
    assert costly.entry_price < first.entry_price
    before, after = cheap.label(first), dear.label(costly)
    assert after.entry - before.entry == pytest.approx(costly.entry_price - first.entry_price)
    assert after.entry < before.entry
