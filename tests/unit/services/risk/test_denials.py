"""Every denial code can be met, means one thing, and stands in the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from services.risk.denials import MEANINGS, denials_page
from services.risk.handler import RiskHandler
from services.risk.settings import RiskSettings
from shared.events import (
    BookState,
    Command,
    CommandKind,
    Denial,
    DenialCode,
    Event,
    MarketView,
    Position,
    QualityFlag,
    TradeStatistics,
)
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from tests.builders import (
    CALL,
    EXPIRY,
    PUT,
    SHORT_HOLDING,
    UNGATED,
    at,
    book_state,
    candidate,
    chain_header,
    contract,
    entry_context,
    market_view,
    position_leg,
    signal,
    tradable_market,
)

TABLES = (ContractTable.load(), CostTable.load(), MarginTable.load())
NOW = at(10, 30)


def held(
    strike: float, kind: object = PUT, expiry: str = EXPIRY, margin: int = 1_000_000, stop: float = 90.0
) -> Position:
    return Position(
        order_id=f"{strike}{kind}",
        strategy="test",
        legs=(position_leg(contract(strike, PUT if kind is PUT else CALL, expiry)),),
        lots=1,
        lot_size=75,
        entry_ts=at(10, 0),
        entry_price=70.0,
        entry_costs_paise=0,
        stop_price=stop,
        target_price=50.0,
        trail_points=None,
        time_exit_ns=None,
        best_price=70.0,
        worst_price=70.0,
        mark_price=70.0,
        mark_ts=at(10, 0),
        margin_paise=margin,
        exit_reason=None,
        entry=entry_context(direction=1 if kind is PUT else -1),
    )


@dataclass
class Case:
    """One way to a denial: settings, market, book, and what happened before."""

    settings: dict[str, object] = field(default_factory=dict)
    market: Callable[[], MarketView] = tradable_market
    book: dict[str, object] = field(default_factory=dict)
    before: tuple[Event, ...] = ()
    confidence: float = 0.7
    regime: str = "calm"
    ts: int = NOW
    with_book: bool = True


def command(kind: CommandKind) -> Command:
    return Command(header=chain_header(0, at(10, 0)), kind=kind, operator="test", reason="drill")


def thin() -> MarketView:
    return market_view(msgspec.structs.replace(candidate(24400.0, PUT, 70.0, 70.5, -0.35), oi=10))


def expiring(minutes: float) -> MarketView:
    quote = candidate(24400.0, PUT, 70.0, 70.5, -0.35)
    today = msgspec.structs.replace(quote, contract=contract(24400.0, PUT, "2025-08-29"))
    return msgspec.structs.replace(market_view(today), minutes_to_expiry=minutes, expiry="2025-08-29")


THREE_LOSSES = TradeStatistics(trades=5, losses=5, consecutive_losses=5)
CASES: dict[DenialCode, Case] = {
    DenialCode.LOW_CONFIDENCE: Case(confidence=0.5),
    DenialCode.MAX_POSITIONS: Case(book={"positions": tuple(held(24000.0 + 50 * n) for n in range(3))}),
    DenialCode.MAX_EXPOSURE: Case({"max_exposure_per_trade": 0.05}),
    DenialCode.MAX_MARGIN: Case(book={"margin_paise": 0, "free_paise": 5_000_000}),
    DenialCode.STRIKE_CONCENTRATION: Case(book={"positions": (held(24400.0, CALL),)}),
    DenialCode.EXPIRY_CONCENTRATION: Case({"max_positions_per_expiry": 1}, book={"positions": (held(24000.0),)}),
    DenialCode.FREEZE_QUANTITY: Case(
        {"capital": 1e9},
        market=lambda: msgspec.structs.replace(tradable_market(), lot_size=2_000),
        book={"equity_paise": 100_000_000_000},
    ),
    DenialCode.GREEKS_LIMIT: Case({"max_vega_loss": 1e-9}),
    DenialCode.RATE_LIMIT: Case({"max_orders_per_day": 1}, before=(signal(0, at(10, 0), 1), book_state(0, at(10, 0)))),
    DenialCode.NO_EDGE: Case({"exploration_trades": 0}),
    DenialCode.SIZE_ZERO: Case({"max_loss_per_trade": 1e-5}),
    DenialCode.SESSION_START: Case(market=lambda: tradable_market(minutes_from_open=2.0)),
    DenialCode.SESSION_END: Case(market=lambda: tradable_market(minutes_to_close=10.0)),
    DenialCode.OFF_SESSION: Case(market=lambda: tradable_market(minutes_from_open=-1.0)),
    DenialCode.DAY_CUTOFF: Case(ts=at(15, 0)),
    DenialCode.STALE_MARKET: Case(market=lambda: tradable_market(quality=(QualityFlag.FALLBACK,))),
    DenialCode.NO_CANDIDATE: Case(market=market_view),
    DenialCode.NO_QUOTE: Case(market=lambda: market_view(candidate(24400.0, PUT, None, 70.0, -0.3))),
    DenialCode.WIDE_SPREAD: Case(market=lambda: market_view(candidate(24400.0, PUT, 50.0, 70.0, -0.3))),
    DenialCode.THIN_MARKET: Case(market=thin),
    DenialCode.EXPIRY_DAY: Case(market=lambda: expiring(30.0)),
    DenialCode.COOL_DOWN: Case(book={"last_stop_ts": at(10, 25)}),
    DenialCode.ALREADY_OPEN: Case(book={"positions": (held(24400.0),)}),
    DenialCode.ORDER_PENDING: Case(book={"pending_orders": ("x",)}),
    DenialCode.REGIME_NOT_READY: Case(regime="warming_up"),
    DenialCode.REDUCING: Case(before=(command(CommandKind.REDUCE),)),
    DenialCode.HALTED: Case(before=(command(CommandKind.HALT),)),
    DenialCode.DAILY_LOSS: Case(book={"realised_paise": -3_000_000}),
    DenialCode.DRAWDOWN: Case(before=(book_state(0, at(10, 0), equity_paise=120_000_000),)),
    DenialCode.CONSECUTIVE_LOSSES: Case(book={"statistics": THREE_LOSSES}),
    DenialCode.SLIPPAGE: Case(book={"slippage_paise": 1_000_000}),
    DenialCode.STRESS_LIMIT: Case({"max_stress_loss": 0.01}),
    DenialCode.HARD_DAY_LOSS: Case(
        before=(book_state(0, at(10, 0), realised_paise=-4_500_000), command(CommandKind.RESUME)),
        book={"realised_paise": -4_500_000},
    ),
    DenialCode.DAY_ROOM: Case(book={"positions": (held(24000.0, stop=660.0),)}),
    DenialCode.DECAY_UNPAID: Case({"decay_gate": True}),
    DenialCode.COST_BUDGET: Case({"max_daily_costs": 0.001}, book={"costs_paise": 99_000}),
    DenialCode.BOOK_UNKNOWN: Case(with_book=False),
}


@pytest.mark.parametrize("code", list(DenialCode), ids=str)
def test_every_code_is_met(code: DenialCode):
    case = CASES[code]
    handler = RiskHandler("nifty", RiskSettings(**{**UNGATED, **SHORT_HOLDING, **case.settings}), *TABLES)
    for event in case.before:
        handler.handle(event)
    asked = signal(1, case.ts, 1, market=case.market(), confidence=case.confidence, regime=case.regime)
    follow: BookState | Event = (
        book_state(1, case.ts, **case.book) if case.with_book else signal(2, case.ts, 1, market=case.market())
    )
    made = [*handler.handle(asked), *handler.handle(follow)]
    (denial,) = [event for event in made if isinstance(event, Denial)]
    assert denial.code is code
    assert denial.text
    assert denial.signal_id == asked.header.id


def test_every_code_has_a_meaning_and_the_reference_is_current():
    assert list(MEANINGS) and set(MEANINGS) == set(DenialCode)  # noqa: PT018  # one statement about one table
    page = Path(__file__).parents[4] / "docs" / "denials.md"
    assert page.read_text(encoding="utf-8") == denials_page()


def test_late_on_expiry_day_the_front_contract_is_left_alone_and_early_it_is_sold():
    handler = RiskHandler("nifty", RiskSettings(max_stress_loss=0.5, **UNGATED), *TABLES)
    made = [*handler.handle(signal(1, NOW, 1, market=expiring(300.0))), *handler.handle(book_state(1, NOW))]
    assert [type(event).__name__ for event in made] == ["LimitState", "Order", "HaltChanged"]
