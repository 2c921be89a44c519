"""Labels have the seller's sign and the executor's rules, shown on paths made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import isnan
from typing import Any

import msgspec
import pytest

from services.executor.settings import ExecutorSettings
from services.trainer.dataset.labels import (
    CensoredOutcome,
    PaperTerms,
    QuotePath,
    ShortOrder,
    ShortOutcome,
    short_outcome,
)
from shared.clock import NS_PER_MINUTE, ist_ns
from shared.errors import BadInputError
from shared.events import Contract, ExitReason, OptionKind
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable, option_costs
from shared.trading.quotes import Quote

DAY = date(2025, 8, 29)
OPEN = ist_ns(2025, 8, 29, 9, 15)
SOLD = Contract(underlying="NIFTY", expiry="2025-09-02", strike=24500.0, kind=OptionKind.PUT)
TERMS = PaperTerms(ExecutorSettings(impact_points=0.0), ContractTable.load(), CostTable.load())
NAN = float("nan")


def path(
    asks: Sequence[float], spread: float = 0.5, bids: Sequence[float] | None = None, quantity: int | None = None
) -> QuotePath:
    offered = [ask - spread for ask in asks] if bids is None else bids
    pairs = [(None if isnan(bid) else bid, None if isnan(ask) else ask) for bid, ask in zip(offered, asks, strict=True)]
    stamps = tuple(OPEN + NS_PER_MINUTE * row for row in range(len(asks)))
    return QuotePath(SOLD, stamps, tuple(Quote(bid, ask, quantity, quantity, None) for bid, ask in pairs))


def order(**changes: Any) -> ShortOrder:
    levels: dict[str, Any] = {
        "contract": SOLD,
        "limit_price": 90.0,
        "stop_price": 130.0,
        "target_price": 75.0,
        "trail_points": None,
        "valid_until_ns": OPEN + 3 * NS_PER_MINUTE,
        "time_exit_ns": OPEN + 60 * NS_PER_MINUTE,
        "square_off_ns": OPEN + 365 * NS_PER_MINUTE,
        "lots": 1,
        "lot_size": 75,
    }
    return ShortOrder(**{**levels, **changes})


def traded(quotes: QuotePath, at: int, short: ShortOrder, terms: PaperTerms) -> ShortOutcome:
    """Give what came of a short that was opened and closed."""
    outcome = short_outcome(quotes, at, short, terms)
    assert isinstance(outcome, ShortOutcome)
    return outcome


def paid(sold: float, bought: float) -> float:
    """Costs of both legs as they are booked, points per unit."""
    return option_costs(sold, bought, 75, DAY).total_paise / 100.0 / 75


def test_seller_gains_when_the_premium_falls():
    outcome = traded(path([100.5, 100.5, 90.0, 74.0, 73.0, 200.0]), 0, order(), TERMS)
    costs = paid(100.0, 73.0)
    assert outcome.reason is ExitReason.TARGET
    assert (outcome.entry, outcome.exit) == (100.0, 73.0)
    assert outcome.net == pytest.approx(27.0 - costs)
    assert outcome.pays
    assert outcome.net_return == pytest.approx((27.0 - costs) / 100.0)


def test_seller_loses_when_the_premium_rises_and_pays_the_next_ask_not_the_stop():
    outcome = traded(path([100.5, 100.5, 131.0, 140.0, 20.0]), 0, order(), TERMS)
    assert outcome.reason is ExitReason.STOP
    assert outcome.exit == 140.0
    assert outcome.net < -40.0
    assert not outcome.pays


def test_entry_is_the_bid_of_the_next_snapshot_never_of_the_deciding_one():
    outcome = traded(path([999.0, 101.0, 80.0, 70.0, 70.0]), 0, order(), TERMS)
    assert outcome.entry == 100.5
    assert outcome.entry_ts == OPEN + NS_PER_MINUTE


def test_a_flat_premium_costs_the_seller_spread_and_fees():
    outcome = traded(path([100.0] * 70), 0, order(), TERMS)
    assert outcome.reason is ExitReason.TIME
    assert outcome.exit_ts == OPEN + 61 * NS_PER_MINUTE
    assert outcome.net == pytest.approx(-0.5 - paid(99.5, 100.0))


def test_impact_is_paid_on_both_sides():
    terms = PaperTerms(ExecutorSettings(impact_points=0.05), TERMS.contracts, TERMS.costs)
    outcome = traded(path([100.5, 100.5, 74.0, 73.0]), 0, order(), terms)
    assert (outcome.entry, outcome.exit) == (99.95, 73.05)


def test_trail_closes_after_a_gain_was_locked_in_and_not_before():
    trailing = order(trail_points=10.0)
    assert isinstance(short_outcome(path([100.5, 100.5, 109.0, 112.0, 113.0]), 0, trailing, TERMS), CensoredOutcome)
    outcome = traded(path([100.5, 100.5, 85.0, 96.0, 97.0, 60.0]), 0, trailing, TERMS)
    assert outcome.reason is ExitReason.TRAIL
    assert outcome.exit == 97.0


def test_stop_wins_over_time_and_a_bid_beyond_the_stop_counts_twice_without_an_ask():
    bids = [100.0, 100.0, 100.0, 131.0, 131.0, 120.0]
    outcome = traded(path([100.5, 100.5, 100.5, NAN, NAN, 125.0], bids=bids), 0, order(), TERMS)
    assert outcome.reason is ExitReason.STOP
    assert outcome.exit == 125.0
    late = order(time_exit_ns=OPEN + 2 * NS_PER_MINUTE)
    assert traded(path([100.5, 100.5, 131.0, 120.0]), 0, late, TERMS).reason is ExitReason.STOP


def test_square_off_closes_before_the_end_of_the_session():
    soon = order(square_off_ns=OPEN + 3 * NS_PER_MINUTE)
    outcome = traded(path([100.5] * 10), 0, soon, TERMS)
    assert outcome.reason is ExitReason.SQUARE_OFF
    assert outcome.exit_ts == OPEN + 4 * NS_PER_MINUTE


def test_an_exit_that_no_quote_filled_is_censored_and_no_price_is_made_up_for_it():
    bids = [100.0] * 4
    outcome = short_outcome(path([100.5, 100.5, 70.0, NAN], bids=bids), 0, order(), TERMS)
    assert outcome == CensoredOutcome(entry_ts=OPEN + NS_PER_MINUTE, lots=1, mark=70.0)


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
    assert short_outcome(path(asks), 0, order(), TERMS) is None


def test_no_more_is_sold_than_the_touch_shows_and_the_rest_waits():
    two = order(lots=2)
    outcome = traded(path([100.5, 100.5, 100.5, 74.0, 73.0, 72.0], quantity=75), 0, two, TERMS)
    assert outcome.lots == 2
    assert outcome.exit == pytest.approx((73.0 + 72.0) / 2)
    assert short_outcome(path([100.5] * 5, quantity=74), 0, order(), TERMS) is None


def test_a_limit_outside_the_price_band_is_no_trade():
    far = order(limit_price=30.0, stop_price=400.0)
    assert short_outcome(path([100.5, 100.5, 74.0, 73.0]), 0, far, TERMS) is None


def test_the_share_of_impact_moves_the_label():
    costly = PaperTerms(ExecutorSettings(impact_points=0.0, impact_fraction=0.01), TERMS.contracts, TERMS.costs)
    outcome = traded(path([100.5, 100.5, 74.0, 73.0]), 0, order(), costly)
    assert (outcome.entry, outcome.exit) == (99.0, 73.73)


def test_an_expiring_short_settles_at_its_intrinsic_value():
    quotes = path([100.5, 100.5, 100.5, NAN], bids=[100.0, 100.0, 100.0, NAN])
    last = msgspec.structs.replace(SOLD, expiry=DAY.isoformat())
    expiring = QuotePath(last, quotes.ts, quotes.quotes, settlement=24_480.0, ends=True)
    outcome = traded(expiring, 0, order(contract=last), TERMS)
    assert (outcome.exit, outcome.reason) == (20.0, ExitReason.EXPIRY)


def test_an_expiring_short_without_a_known_level_has_no_label():
    quotes = path([100.5, 100.5, 100.5, NAN], bids=[100.0, 100.0, 100.0, NAN])
    last = msgspec.structs.replace(SOLD, expiry=DAY.isoformat())
    unknown = QuotePath(last, quotes.ts, quotes.quotes, ends=True)
    assert isinstance(short_outcome(unknown, 0, order(contract=last), TERMS), CensoredOutcome)


def test_stamps_must_ascend():
    quote = Quote(1.0, 1.0, None, None, None)
    with pytest.raises(BadInputError, match="ascending stamps"):
        QuotePath(SOLD, (2, 1), (quote, quote))
