"""A position is not closed because a signal turned unless closing is worth it; what guards it is never held back."""

from __future__ import annotations

import msgspec
import pytest

from services.risk.decay import DecayJudge
from services.risk.handler import RiskHandler
from services.risk.keeping import Keeping, is_kept, weigh
from services.risk.richness import RichnessRecord
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_MINUTE
from shared.events import (
    Command,
    CommandKind,
    DecayStatistics,
    ExitReason,
    Order,
    OrderAction,
    Position,
    Signal,
    SignalMode,
)
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from tests.builders import PUT, at, book_state, chain_header, contract, position, position_leg, signal, tradable_market

COSTS = CostTable.load()
NOW = at(10, 30)
YEAR = 146_270.0


def short_put(time_exit_ns: int | None = None) -> Position:
    leg = position_leg(contract(24_400.0, PUT), iv=0.12, delta=-0.35, forward=24_510.0, years=1_200.0 / YEAR)
    return msgspec.structs.replace(position(), legs=(leg,), time_exit_ns=time_exit_ns)


def turned(confidence: float = 0.65, seq: int = 1, direction: int = -1, regime: str = "calm") -> Signal:
    market = msgspec.structs.replace(tradable_market(), years_to_expiry=1_200.0 / YEAR, minutes_per_year=YEAR)
    return signal(seq, NOW + (seq - 1) * NS_PER_MINUTE, direction, market=market, confidence=confidence, regime=regime)


def judge(richness: float = 0.3, **settings: object) -> DecayJudge:
    rules = RiskSettings(prior_richness=richness, **settings)  # type: ignore[arg-type]
    return DecayJudge(DecayStatistics(), RichnessRecord(), NOW, rules, COSTS)


def weighed(held: Position, said: Signal, one: DecayJudge) -> Keeping:
    found = weigh(held, said, one)
    assert found is not None
    return found


def test_a_weak_reversal_keeps_what_still_earns_and_a_strong_one_closes_it():
    assert is_kept(short_put(), turned(0.62), judge())
    assert not is_kept(short_put(), turned(0.99), judge())


def test_the_surer_the_turned_signal_the_more_closing_saves():
    saved = [weighed(short_put(), turned(confidence), judge()).saved for confidence in (0.5, 0.6, 0.8, 1.0)]
    assert saved[0] == 0.0
    assert saved == sorted(saved)
    assert saved[2] == pytest.approx(3.0 * saved[1])


def test_a_probability_is_believed_whole_and_a_score_in_part():
    by_model = msgspec.structs.replace(turned(0.7), p_put_pays=0.3, p_call_pays=0.7, mode=SignalMode.ML)
    by_rule = weighed(short_put(), turned(0.7), judge(uncalibrated_trust=0.25)).saved
    assert weighed(short_put(), by_model, judge()).saved == pytest.approx(4.0 * by_rule)


def test_a_neutral_signal_closes_only_what_no_longer_earns():
    assert is_kept(short_put(), turned(direction=0), judge(0.3))
    assert not is_kept(short_put(), turned(direction=0), judge(0.0))
    assert not is_kept(short_put(), turned(direction=0), judge(-0.2))


def test_where_nothing_is_earned_coming_back_costs_nothing():
    assert weighed(short_put(), turned(), judge(-0.1)).return_costs == 0.0
    assert weighed(short_put(), turned(), judge(0.3)).return_costs > 50.0


def test_no_more_is_to_be_earned_than_until_the_time_exit():
    whole = weighed(short_put(), turned(), judge()).harvest
    assert 0.0 < weighed(short_put(NOW + 30 * NS_PER_MINUTE), turned(), judge()).harvest < 0.4 * whole
    assert weighed(short_put(NOW - NS_PER_MINUTE), turned(), judge()).harvest == 0.0


def test_nothing_is_kept_in_a_regime_of_caution_without_greeks_or_by_setting():
    assert not is_kept(short_put(), turned(0.62, regime="volatile"), judge())
    assert not is_kept(position(), turned(0.62), judge())
    assert not is_kept(short_put(), turned(0.62), judge(keep_while_paid=False))


def handler(**settings: object) -> RiskHandler:
    rules = RiskSettings(prior_richness=0.3, max_stress_loss=0.5, **settings)  # type: ignore[arg-type]
    return RiskHandler("nifty", rules, ContractTable.load(), COSTS, MarginTable.load())


def exits(one: RiskHandler, *events: object) -> list[ExitReason | None]:
    made = [out for event in events for out in one.handle(event)]  # type: ignore[arg-type]
    return [out.exit_reason for out in made if isinstance(out, Order) and out.action is OrderAction.EXIT]


def test_risk_keeps_a_position_through_a_weak_reversal_and_closes_it_at_a_strong_one():
    one = handler()
    assert exits(one, turned(0.62), book_state(1, NOW, positions=(short_put(),))) == []
    strong = turned(0.99, seq=2)
    assert exits(one, strong, book_state(2, strong.header.ts, positions=(short_put(),))) == [ExitReason.SIGNAL_CHANGE]


def test_an_operators_halt_closes_what_the_signal_would_keep():
    one = handler()
    assert exits(one, turned(0.62), book_state(1, NOW, positions=(short_put(),))) == []
    halt = Command(header=chain_header(2, NOW), kind=CommandKind.FLATTEN, operator="test", reason="drill")
    assert exits(one, halt) == [ExitReason.FLATTEN]
