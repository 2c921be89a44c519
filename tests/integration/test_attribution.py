"""A made market and two recorded days: what each trade is made of adds up to what it brought.

The trades are those of v0.1.0. Its rules counted time in calendar minutes, so an executor on today's clock goes along.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.executor.handler import ExecutorHandler
from shared.events import Attribution, ChainSnapshot, ClockTick, Command, Event, Order
from shared.market.calendar import TradingCalendar
from shared.market.chain import Parsed
from shared.market.variance_clock import VarianceClock
from tests.migration import decisions as replay
from tests.spread_watch import SpreadWatch


def todays_executor() -> ExecutorHandler:
    house, calendar = replay.as_v0_1_0(), TradingCalendar.load()
    clock = VarianceClock.load(calendar)
    return ExecutorHandler(replay.BOOK, house.executor, calendar, house.costs, house.contracts, clock)


@dataclass
class Watched(replay.Decisions):
    """Decisions of a replay, carried out again by an executor on today's clock, with the spread of its fills."""

    watch: SpreadWatch = field(default_factory=SpreadWatch)
    executor: ExecutorHandler = field(default_factory=todays_executor)

    def observe(self, event: Event) -> None:
        super().observe(event)
        if isinstance(event, ChainSnapshot | ClockTick | Order | Command):
            self.watch.see(event)
            for made in self.executor.handle(event):
                self.watch.see(made)


def total_of(items: Iterable[Parsed], trades: int) -> Attribution:
    """Replay captures, hold every trade against snapshots and fills, and give the sums."""
    watched = Watched()
    replay.replayed(items, watched)
    watched.watch.check()
    made = watched.watch.trades
    assert len(made) == watched.watch.compared == trades
    assert [line for line in map(replay.line_of, made) if line] == watched.trades
    total = Attribution.total(trade.attribution for trade in made)
    assert total is not None
    assert total.net_paise == sum(trade.net_pnl_paise for trade in made)
    assert all(trade.attribution is not None and trade.attribution.time_paise > 0 for trade in made)
    return total


def test_a_made_day():
    total_of(replay.synthetic(replay.DEMO_SEED, 1), trades=14)


@pytest.mark.market_data
def test_29_august_2025_lost_by_the_index_and_paid_more_than_time_brought(market_data: Path):
    total = total_of(replay.recorded(market_data, "nse-chain-1min-20250829"), trades=8)
    assert [round(paise / 100) for paise in total.parts()] == [-4_328, 391, 680, -141, -446]


@pytest.mark.market_data
def test_the_election_day_earned_by_time_what_it_paid_more_than_three_times(market_data: Path):
    total = total_of(replay.election_day(market_data), trades=7)
    assert total.time_paise > -3 * (total.spread_and_impact_paise + total.charges_paise) > 0
    assert total.index_move_paise > 0
