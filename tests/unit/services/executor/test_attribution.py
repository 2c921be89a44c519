"""Every trade says what it is made of, to the paisa, whatever path led to it."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.executor.handler import ExecutorHandler
from services.executor.settings import ExecutorSettings
from shared.events import ChainSnapshot
from tests.builders import EXPIRY, at, entry_order, snapshot
from tests.spread_watch import SpreadWatch
from tests.unit.services.executor.random_market import (
    CALENDAR,
    CLOCK,
    CONTRACTS,
    COSTS,
    Desk,
    RandomMarket,
    random_order,
)

STEPS = 45


def walked(seed: int) -> SpreadWatch:
    """One day of random quotes, gaps, orders and deaths of the process."""
    rng = Random(seed)
    desk, watch = Desk(impact_points=rng.choice((0.0, 0.5))), SpreadWatch()
    for event in RandomMarket(rng, at(10, 0), 0, STEPS, EXPIRY).chains():
        watch.see(event)
        made = desk.feed(event)
        if isinstance(event, ChainSnapshot) and rng.random() < 0.4:
            order = random_order(rng, event, f"signal {event.header.seq}")
            made += [] if order is None else desk.feed(order)
        for each in made:
            watch.see(each)
        if rng.random() < 0.1:
            desk.die()
    watch.check()
    return watch


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_on_any_path_the_parts_add_up_and_the_spread_is_that_of_the_fills(seed: int):
    walked(seed)


def test_such_paths_hold_trades_partial_exits_and_fills_without_a_mid():
    watches = [walked(seed) for seed in range(30)]
    trades, compared = sum(len(each.trades) for each in watches), sum(each.compared for each in watches)
    assert trades > compared > 20
    assert sum(each.partial_exits for each in watches) > 3


def short_put() -> Desk:
    desk = Desk(impact_points=0.0)
    for seq in (1, 2):
        desk.feed(chain(seq, seq, 100.0))
        if seq == 1:
            desk.feed(entry_order(1, at(10, 1), lots=1, limit=90.0, stop=130.0, target=70.0))
    return desk


def chain(seq: int, minute: int, premium: float) -> ChainSnapshot:
    quotes = {24500.0: (premium, premium + 0.5)}
    return snapshot(seq, at(10, minute), puts=quotes, calls=quotes)


def test_a_premium_that_falls_while_the_index_stands_earned_time_and_volatility():
    desk = short_put()
    desk.feed(chain(3, 13, 69.0))
    desk.feed(chain(4, 14, 69.0))
    (trade,) = desk.trades
    assert trade.attribution is not None
    index_move, time, volatility, spread, charges = trade.attribution.parts()
    assert index_move == 0
    assert time > 0
    assert volatility > 0
    # Half of 0.5 points on 75 units, going in and coming out.
    assert abs(spread + 3_750) <= 2
    assert charges == -trade.costs_paise


def test_a_position_that_a_former_version_opened_knows_no_parts():
    desk = short_put()
    plain = msgspec.json.decode(desk.handler.checkpoint())
    for position in plain["content"]["positions"].values():
        del position["attribution"]
    plain["v"] = 3
    desk.handler = ExecutorHandler("nifty", ExecutorSettings(impact_points=0.0), CALENDAR, COSTS, CONTRACTS, CLOCK)
    desk.handler.restore(msgspec.json.encode(plain))
    desk.feed(chain(3, 13, 69.0))
    desk.feed(chain(4, 14, 69.0))
    (trade,) = desk.trades
    assert trade.attribution is None
    assert trade.net_pnl_paise == trade.gross_pnl_paise - trade.costs_paise > 0
