"""Time must pay for a trade: sign, units, clock, what trades teach, and the day's budget of charges."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.decay import DecayJudge
from services.risk.handler import RiskHandler
from services.risk.richness import RichnessRecord
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_DAY
from shared.events import CandidateQuote, DecayStatistics, Denial, DenialCode, MarketView, Order, Signal
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable, option_costs
from shared.market.margin_table import MarginTable
from shared.market.pricing import black76_price
from tests.builders import DAY, PUT, at, book_state, candidate, market_view, signal, tradable_market

COSTS = CostTable.load()
NOW, TODAY = at(10, 30), date(*DAY)
YEAR = 146_270.0
RICH: dict[str, Any] = {"prior_richness": 0.3}


def on_the_clock(market: MarketView) -> MarketView:
    return msgspec.structs.replace(market, years_to_expiry=1_200.0 / YEAR, minutes_per_year=YEAR)


def asked(**changes: float) -> Signal:
    return signal(1, NOW, 1, market=on_the_clock(tradable_market(**changes)))


def quote(bid: float = 70.0, ask: float = 70.5) -> CandidateQuote:
    return candidate(24_400.0, PUT, bid, ask, -0.35)


def judge(statistics: DecayStatistics | None = None, ts: int = NOW, **settings: Any) -> DecayJudge:
    return DecayJudge(statistics or DecayStatistics(), RichnessRecord(), ts, RiskSettings(**settings), COSTS)


def taught(trades: float = 20.0, *, held: float = 60.0, earned: float = 1.0, paid: float = 1.0) -> DecayStatistics:
    return DecayStatistics(
        trades=trades,
        held_minutes=held * trades,
        expected_decay=100.0 * trades,
        earned_decay=100.0 * trades * earned,
        expected_costs=50.0 * trades,
        paid_costs=50.0 * trades * paid,
        newest_ts=NOW,
    )


def test_the_decay_is_a_revaluation_over_the_holding_time_in_rupees_of_a_lot():
    estimate = judge(prior_holding_minutes=120.0).estimate(asked(), quote())
    assert estimate is not None
    prices = black76_price(24_510.0, 24_400.0, (1_200.0 / YEAR, 1_080.0 / YEAR), 0.12, is_call=False)
    assert estimate.decay == pytest.approx(75.0 * float(prices[0] - prices[1]))
    assert estimate.holding_minutes == 120.0


def test_of_a_fair_market_nothing_is_kept_of_a_rich_one_a_part_and_a_cheap_one_takes():
    kept = [judge(prior_richness=rich).estimate(asked(), quote()) for rich in (-0.2, 0.0, 0.2)]
    cheap, fair, rich = (one.harvest for one in kept if one is not None)
    assert cheap < fair == 0.0 < rich
    assert rich == pytest.approx(0.306 * kept[2].decay, rel=0.05)  # type: ignore[union-attr]


def test_costs_are_charges_spread_and_impact_both_ways():
    estimate = judge().estimate(asked(), quote())
    assert estimate is not None
    charges = option_costs(70.0, 70.5, 75, TODAY, table=COSTS).total
    assert estimate.costs == pytest.approx(charges + 75.0 * (0.5 + 2 * 0.05))


def test_a_holding_time_ends_with_the_session_and_with_the_time_exit():
    assert judge(prior_holding_minutes=200.0).holding_minutes(30.0) == 30.0
    assert judge(prior_holding_minutes=200.0, max_holding_minutes=90.0).holding_minutes(300.0) == 90.0
    late = judge(prior_holding_minutes=200.0, **RICH).estimate(asked(minutes_to_close=50.0), quote())
    assert late is not None
    assert late.holding_minutes == 50.0


def test_as_many_trades_as_the_prior_weighs_count_half_and_fade_while_none_follow():
    assert judge(taught(20.0, held=60.0), prior_holding_minutes=120.0).holding_minutes(300.0) == pytest.approx(90.0)
    later = judge(taught(20.0, held=60.0), NOW + 30 * NS_PER_DAY, prior_holding_minutes=120.0)
    assert later.weight == pytest.approx(1.0 / 3.0)


def test_k_grows_with_costs_over_and_decay_under_what_was_expected():
    assert judge(taught()).cost_multiple == pytest.approx(1.5)
    assert judge(taught(paid=2.0)).cost_multiple == pytest.approx(1.5 * 1.5)
    assert judge(taught(earned=0.5)).cost_multiple == pytest.approx(1.5 * 1.5)
    assert judge(taught(earned=2.0)).cost_multiple == pytest.approx(1.5 * 0.75)


@given(
    trades=st.floats(0.0, 100.0),
    earned=st.floats(-5.0, 5.0),
    paid=st.floats(-1.0, 10.0),
    prior=st.floats(0.0, 10.0),
)
def test_k_stays_between_once_and_five_times_the_costs(trades: float, earned: float, paid: float, prior: float):
    found = judge(taught(trades, earned=earned, paid=paid), decay_cost_multiple=prior).cost_multiple
    assert 1.0 <= found <= 5.0


def test_a_fair_market_is_refused_and_says_what_was_missing():
    refused = judge().denial(judge().estimate(asked(), quote()))
    assert refused is not None
    assert refused.code is DenialCode.DECAY_UNPAID
    assert "Rs 0 a lot to keep of Rs" in refused.text


def test_without_a_volatility_or_a_quote_there_is_no_estimate_and_no_entry():
    for blind in (
        msgspec.structs.replace(quote(), iv=None),
        msgspec.structs.replace(quote(), bid=None),
    ):
        assert judge(**RICH).estimate(asked(), blind) is None
    assert judge(**RICH).estimate(signal(1, NOW, 1, market=market_view()), quote()) is None
    assert judge(**RICH).denial(None) is not None
    assert judge(decay_gate=False).denial(None) is None


def decide(settings: RiskSettings, **book: object) -> Order | Denial:
    handler = RiskHandler("nifty", settings, ContractTable.load(), COSTS, MarginTable.load())
    made = [*handler.handle(asked()), *handler.handle(book_state(1, NOW, **book))]
    (found,) = [event for event in made if isinstance(event, Order | Denial)]
    return found


def test_a_rich_market_is_sold_and_the_order_says_what_was_expected():
    order = decide(RiskSettings(prior_richness=0.6, max_stress_loss=0.5))
    assert isinstance(order, Order)
    assert order.entry is not None
    assert order.entry.decay is not None
    assert order.entry.decay.harvest > 1.5 * order.entry.decay.costs > 0.0


def test_a_fair_market_is_not_sold_unless_the_gate_is_off():
    refused = decide(RiskSettings(max_stress_loss=0.5))
    assert isinstance(refused, Denial)
    assert refused.code is DenialCode.DECAY_UNPAID
    assert isinstance(decide(RiskSettings(decay_gate=False, max_stress_loss=0.5)), Order)


def test_charges_of_the_day_have_a_budget_and_those_of_another_day_are_not_of_it():
    settings = RiskSettings(decay_gate=False, max_daily_costs=0.001, max_stress_loss=0.5)
    assert isinstance(decide(settings, costs_paise=80_000), Order)
    refused = decide(settings, costs_paise=96_000)
    assert isinstance(refused, Denial)
    assert refused.code is DenialCode.COST_BUDGET
    assert isinstance(decide(settings, costs_paise=96_000, day="2025-08-28"), Order)
