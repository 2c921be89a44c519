"""Closed trades are counted against what they were entered on; old ones fade."""

from __future__ import annotations

import msgspec
import pytest

from services.executor.book.decay import counted
from shared.events import Attribution, DecayEstimate, DecayStatistics, ExitReason, Trade
from tests.builders import at, chain_header, entry_context, position

ESTIMATE = DecayEstimate(holding_minutes=120.0, decay=300.0, harvest=90.0, costs=60.0)
PARTS = Attribution(
    index_move_paise=-90_000,
    time_paise=25_000,
    volatility_paise=4_000,
    spread_and_impact_paise=-1_500,
    charges_paise=-5_500,
)


def trade(estimate: DecayEstimate | None = ESTIMATE, parts: Attribution | None = PARTS, lots: int = 2) -> Trade:
    return Trade(
        header=chain_header(9, at(11, 0)),
        entry_order_id="p",
        strategy="test",
        legs=(),
        lots=lots,
        lot_size=75,
        entry_ts=position().entry_ts,
        entry_price=70.0,
        exit_price=60.0,
        stop_price=90.0,
        target_price=50.0,
        gross_pnl_paise=0,
        costs_paise=5_500,
        net_pnl_paise=0,
        mfe=0.0,
        mae=0.0,
        holding_ns=0,
        exit_reason=ExitReason.TIME,
        entry=msgspec.structs.replace(entry_context(), decay=estimate),
        attribution=parts,
    )


def test_a_trade_counts_by_its_lots_with_time_alone_as_earned_and_spread_and_charges_as_paid():
    assert counted(DecayStatistics(), trade(), 45.0) == DecayStatistics(
        trades=1.0,
        held_minutes=45.0,
        expected_decay=600.0,
        earned_decay=250.0,
        expected_costs=120.0,
        paid_costs=70.0,
        newest_ts=at(11, 0),
    )


@pytest.mark.parametrize("taught", [trade(estimate=None), trade(parts=None)], ids=["no estimate", "no attribution"])
def test_a_trade_without_an_estimate_or_an_attribution_teaches_nothing(taught: Trade):
    before = DecayStatistics(trades=3.0, held_minutes=100.0)
    assert counted(before, taught, 45.0) is before


def test_however_many_trades_a_hundred_are_remembered():
    statistics = DecayStatistics()
    for _ in range(2_000):
        statistics = counted(statistics, trade(), 45.0)
    assert statistics.trades == pytest.approx(100.0, rel=1e-6)
    assert statistics.held_minutes / statistics.trades == pytest.approx(45.0)
