"""The paper venue fills marketable limits within the quote, the depth and the exchange's price band."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec
import pytest

from services.executor.settings import ExecutorSettings
from shared.events import FillStatus
from shared.market.contracts import ContractTable
from shared.trading import fills
from shared.trading.fills import QuoteFill, Rejected
from shared.trading.quotes import Quote
from tests.builders import LOT, at, entry_order, snapshot
from tests.unit.services.executor.random_market import Desk

CONTRACTS = ContractTable.load()
DAY = date(2025, 8, 29)


@dataclass(frozen=True)
class Venue:
    """Fills by given rules, short to call."""

    rules: ExecutorSettings

    def admits(self, underlying: str, at_quote: Quote, limit: float, on: date) -> Rejected | None:
        return fills.check_band(underlying, at_quote, limit, on, self.rules, CONTRACTS)

    def sell(self, at_quote: Quote, *, lots: int, lot_size: int, limit: float) -> QuoteFill | None:
        return fills.sell(at_quote, lots=lots, lot_size=lot_size, limit=limit, rules=self.rules)

    def buy(self, at_quote: Quote, *, lots: int) -> QuoteFill | Rejected | None:
        rules = self.rules
        return fills.buy(
            at_quote, lots=lots, lot_size=LOT, underlying="NIFTY", on=DAY, rules=rules, contracts=CONTRACTS
        )


def venue(**settings: object) -> Venue:
    return Venue(ExecutorSettings(**settings))  # type: ignore[arg-type]


def quote(bid: float | None, ask: float | None, qty: int | None = 7500, ltp: float | None = None) -> Quote:
    return Quote(bid, ask, qty, qty, ltp)


def buy(one: Venue, at_quote: Quote, lots: int = 2) -> QuoteFill | Rejected | None:
    return one.buy(at_quote, lots=lots)


def test_impact_in_points_and_share_is_paid_on_both_sides():
    costly = venue(impact_points=0.10, impact_fraction=0.01)
    assert costly.sell(quote(100.0, 100.5), lots=2, lot_size=LOT, limit=90.0) == QuoteFill(2, 98.9)
    assert buy(costly, quote(99.0, 100.0)) == QuoteFill(2, 101.1)


@pytest.mark.parametrize(("units", "lots"), [(None, 5), (375, 5), (374, 4), (75, 1)])
def test_no_more_fills_than_the_touch_shows(units: int | None, lots: int):
    filled = buy(venue(), quote(99.0, 100.0, units), lots=5)
    assert isinstance(filled, QuoteFill)
    assert filled.lots == lots


def test_less_than_a_lot_at_the_touch_fills_nothing():
    assert buy(venue(), quote(99.0, 100.0, 74)) is None


@pytest.mark.parametrize(
    ("reference", "limit", "taken"),
    [(100.0, 60.0, True), (100.0, 59.95, False), (100.0, 140.05, False), (30.0, 10.0, True), (30.0, 9.95, False)],
)
def test_limits_outside_the_band_are_rejected(reference: float, limit: float, *, taken: bool):
    verdict = venue().admits("NIFTY", quote(reference, reference, ltp=reference), limit, DAY)
    assert (verdict is None) is taken


def test_the_last_trade_counts_only_inside_the_quote():
    assert quote(100.0, 101.0, ltp=100.5).reference == 100.5
    assert quote(100.0, 101.0, ltp=20.0).reference == 100.0
    assert quote(100.0, 101.0).reference == 100.5
    assert quote(None, None, ltp=7.0).reference == 7.0
    assert quote(None, None).reference is None


def test_an_entry_whose_limit_left_the_band_is_rejected_and_not_retried():
    desk = Desk(impact_points=0.0)
    desk.feed(snapshot(1, at(10, 0), puts={24500.0: (100.0, 100.5)}))
    desk.feed(entry_order(1, at(10, 0), limit=92.0, stop=400.0))
    for seq in (2, 3):
        desk.feed(snapshot(seq, at(10, seq), puts={24500.0: (170.0, 170.5)}))
    assert [fill.status for fill in desk.fills] == [FillStatus.REJECTED]
    assert "price band" in desk.fills[0].text


def test_an_exit_beyond_the_band_alerts_and_goes_out_again():
    desk = Desk(impact_points=0.0)
    desk.feed(snapshot(1, at(10, 0), puts={24500.0: (100.0, 100.5)}))
    desk.feed(entry_order(1, at(10, 0)))
    desk.feed(snapshot(2, at(10, 1), puts={24500.0: (100.0, 100.5)}))
    desk.feed(snapshot(3, at(10, 2), puts={24500.0: (135.0, 136.0)}))
    wide = snapshot(4, at(10, 3), puts={24500.0: (120.0, 190.0)})
    (only,) = wide.expiries
    put = msgspec.structs.replace(only.put, ltp=(80.0,))
    desk.feed(msgspec.structs.replace(wide, expiries=(msgspec.structs.replace(only, put=put),)))
    assert desk.fills[-1].status is FillStatus.REJECTED
    assert {event.code for event in desk.made if hasattr(event, "code")} == {"exit_rejected"}
    desk.feed(snapshot(5, at(10, 4), puts={24500.0: (135.0, 136.0)}))
    assert [trade.exit_price for trade in desk.trades] == [136.0]
