"""Labels have the seller's sign and the executor's rules, shown on paths made by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from services.trainer.dataset.labels import QuotePath, ShortOrder, Venue, short_outcome
from shared.clock import NS_PER_MINUTE, ist_ns
from shared.errors import BadInputError
from shared.events import ExitReason
from shared.market.costs import CostTable, option_costs

DAY = date(2025, 8, 29)
OPEN = ist_ns(2025, 8, 29, 9, 15)
VENUE = Venue(impact=0.0, brokerage_per_order=20.0, costs=CostTable.load())
NAN = float("nan")


def path(asks, spread=0.5, bids=None):
    ask = np.array(asks, dtype=float)
    bid = ask - spread if bids is None else np.array(bids, dtype=float)
    return QuotePath(OPEN + NS_PER_MINUTE * np.arange(ask.size), bid, ask)


def order(**changes: object):
    levels = {
        "limit": 90.0,
        "stop": 130.0,
        "target": 75.0,
        "trail": None,
        "valid_until_ns": OPEN + 3 * NS_PER_MINUTE,
        "time_exit_ns": OPEN + 60 * NS_PER_MINUTE,
        "square_off_ns": OPEN + 365 * NS_PER_MINUTE,
        "lots": 1,
        "lot_size": 75,
    }
    return ShortOrder(**{**levels, **changes})


def test_seller_gains_when_the_premium_falls():
    outcome = short_outcome(path([100.5, 100.5, 90.0, 74.0, 73.0, 200.0]), 0, order(), VENUE, DAY)
    costs = option_costs(100.0, 73.0, 75, DAY).points_per_unit
    assert outcome.reason is ExitReason.TARGET
    assert (outcome.entry, outcome.exit) == (100.0, 73.0)
    assert outcome.net == pytest.approx(27.0 - costs)
    assert outcome.pays
    assert outcome.net_return == pytest.approx((27.0 - costs) / 100.0)


def test_seller_loses_when_the_premium_rises_and_pays_the_next_ask_not_the_stop():
    outcome = short_outcome(path([100.5, 100.5, 131.0, 140.0, 20.0]), 0, order(), VENUE, DAY)
    assert outcome.reason is ExitReason.STOP
    assert outcome.exit == 140.0
    assert outcome.net < -40.0
    assert not outcome.pays


def test_entry_is_the_bid_of_the_next_snapshot_never_of_the_deciding_one():
    outcome = short_outcome(path([999.0, 101.0, 80.0, 70.0, 70.0]), 0, order(), VENUE, DAY)
    assert outcome.entry == 100.5
    assert outcome.entry_ts == OPEN + NS_PER_MINUTE


def test_a_flat_premium_costs_the_seller_spread_and_fees():
    outcome = short_outcome(path([100.0] * 70), 0, order(), VENUE, DAY)
    assert outcome.reason is ExitReason.TIME
    assert outcome.exit_ts == OPEN + 61 * NS_PER_MINUTE
    assert outcome.net == pytest.approx(-0.5 - option_costs(99.5, 100.0, 75, DAY).points_per_unit)


def test_impact_is_paid_on_both_sides():
    venue = Venue(0.05, 20.0, VENUE.costs)
    outcome = short_outcome(path([100.5, 100.5, 74.0, 73.0]), 0, order(), venue, DAY)
    assert (outcome.entry, outcome.exit) == (99.95, 73.05)


def test_trail_closes_after_a_gain_was_locked_in_and_not_before():
    trailing = order(trail=10.0)
    assert short_outcome(path([100.5, 100.5, 109.0, 112.0, 113.0]), 0, trailing, VENUE, DAY).reason is not (
        ExitReason.TRAIL
    )
    outcome = short_outcome(path([100.5, 100.5, 85.0, 96.0, 97.0, 60.0]), 0, trailing, VENUE, DAY)
    assert outcome.reason is ExitReason.TRAIL
    assert outcome.exit == 97.0


def test_stop_wins_over_time_and_a_bid_beyond_the_stop_counts_without_an_ask():
    bids = [100.0, 100.0, 100.0, 131.0, 120.0]
    outcome = short_outcome(path([100.5, 100.5, 100.5, NAN, 125.0], bids=bids), 0, order(), VENUE, DAY)
    assert outcome.reason is ExitReason.STOP
    assert outcome.exit == 125.0
    late = order(time_exit_ns=OPEN + 2 * NS_PER_MINUTE)
    assert short_outcome(path([100.5, 100.5, 131.0, 120.0]), 0, late, VENUE, DAY).reason is ExitReason.STOP


def test_square_off_closes_before_the_end_of_the_session():
    soon = order(square_off_ns=OPEN + 3 * NS_PER_MINUTE)
    outcome = short_outcome(path([100.5] * 10), 0, soon, VENUE, DAY)
    assert outcome.reason is ExitReason.SQUARE_OFF
    assert outcome.exit_ts == OPEN + 4 * NS_PER_MINUTE


def test_unquoted_exit_settles_at_the_last_good_ask_without_closing_costs():
    bids = [100.0] * 4
    outcome = short_outcome(path([100.5, 100.5, 70.0, NAN], bids=bids), 0, order(), VENUE, DAY)
    assert outcome.exit == 70.0
    assert outcome.net > 30.0 - option_costs(100.0, 70.0, 75, DAY).points_per_unit


@pytest.mark.parametrize(
    "asks",
    [
        [100.5],
        [100.5, 80.0, 80.0, 80.0, 80.0],
        [100.5, 131.0, 131.0, 131.0, 131.0],
        [100.5, NAN, NAN, NAN, 100.5],
    ],
    ids=["no later snapshot", "bid under the limit", "already through the stop", "no quote in time"],
)
def test_what_was_not_filled_has_no_label(asks):
    assert short_outcome(path(asks), 0, order(), VENUE, DAY) is None


def test_stamps_must_ascend():
    with pytest.raises(BadInputError, match="ascending stamps"):
        QuotePath(np.array([2, 1]), np.ones(2), np.ones(2))
