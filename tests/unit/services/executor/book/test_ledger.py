"""Money in whole paise: whatever is bought and sold, cash, positions and trades say the same at every step."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.executor.book.ledger import Ledger
from services.executor.book.state import ExecutorState, WorkingEntry
from services.executor.settings import ExecutorSettings
from shared.events import ExitReason
from shared.market.costs import CostTable
from shared.trading.fills import QuoteFill
from tests.builders import LOT, at, chain_header, entry_order

COSTS = CostTable.load()
OPENING = 100_000_000
PRICES = st.integers(min_value=1, max_value=40_000).map(lambda ticks: round(ticks * 0.05, 2))
STEPS = st.lists(
    st.tuples(st.integers(min_value=0, max_value=2), st.integers(min_value=1, max_value=5), PRICES, st.booleans()),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_cash_and_open_value_reconcile_at_every_step(steps: list[tuple[int, int, float, bool]]):
    """Sell and buy back in any order on up to three positions; settle or trade the rest."""
    ledger = Ledger(ExecutorSettings(), COSTS)
    state = ExecutorState(opening_paise=OPENING, cash_paise=OPENING, peak_equity_paise=OPENING)
    working: dict[int, WorkingEntry] = {}
    expected = OPENING
    earned = 0
    for number, (slot, most, price, sell) in enumerate(steps):
        lots, order_id = most, f"{slot}"
        held = next((p for p in state.positions.values() if p.entry.signal_id == order_id), None)
        units = lots * LOT
        if sell or held is None:
            if slot not in working or held is None:
                working[slot] = WorkingEntry(entry_order(number + 1, at(10, 0), lots=10_000, signal_id=order_id))
            costs = ledger.book_sale(state, working[slot], QuoteFill(lots, price), price, at(10, 1))
            expected += round(price * 100) * units - costs.total_paise
        else:
            lots = min(lots, held.open_lots)
            costs = ledger.book_purchase(state, held, QuoteFill(lots, price), at(10, 2))
            expected -= round(price * 100) * lots * LOT + costs.total_paise
            if not held.open_lots:
                held.exit_reason = ExitReason.STOP
                earned += ledger.close(state, held, chain_header(number, at(10, 2))).net_pnl_paise
        assert state.cash_paise == expected
        open_paise = sum(p.entry_paise - p.exit_paise - p.costs_paise for p in state.positions.values())
        assert state.cash_paise == OPENING + earned + open_paise
        assert state.realised_paise == earned
        assert not [text for text in state.differences() if "cash" in text]


def test_a_ledger_that_was_tampered_with_says_so():
    state = ExecutorState(opening_paise=OPENING, cash_paise=OPENING + 1, peak_equity_paise=OPENING)
    (text,) = state.differences()
    assert "100000001" in text
