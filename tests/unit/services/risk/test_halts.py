"""Limits latch: they outlive restarts and days, and only an operator lifts them."""

from __future__ import annotations

import msgspec
import pytest

from services.risk.halts import HaltRecord
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_MINUTE
from shared.events import BookState, CommandKind, DenialCode, HaltState, TradeStatistics
from tests.builders import at, book_state

SETTINGS = RiskSettings(capital=1_000_000.0, max_daily_loss=0.03, max_drawdown=0.10, max_consecutive_losses=3)
CALM = {"statistics": TradeStatistics()}


def book(**changes: object) -> BookState:
    return book_state(1, at(10, 0), **changes)


def fallen(record: HaltRecord, **changes: object) -> list[DenialCode]:
    return [latch.code for latch in record.measure(book(**changes), SETTINGS)]


@pytest.mark.parametrize(
    ("reached", "short", "code", "state"),
    [
        ({"realised_paise": -3_000_000}, {"realised_paise": -2_999_999}, DenialCode.DAILY_LOSS, HaltState.HALTED),
        ({"unrealised_paise": -3_000_000}, {"unrealised_paise": -2_999_999}, DenialCode.DAILY_LOSS, HaltState.HALTED),
        ({"equity_paise": 90_000_000}, {"equity_paise": 90_000_001}, DenialCode.DRAWDOWN, HaltState.HALTED),
        (
            {"statistics": TradeStatistics(trades=3, losses=3, consecutive_losses=3)},
            {"statistics": TradeStatistics(trades=2, losses=2, consecutive_losses=2)},
            DenialCode.CONSECUTIVE_LOSSES,
            HaltState.REDUCING,
        ),
        ({"slippage_paise": 1_000_000}, {"slippage_paise": 999_999}, DenialCode.SLIPPAGE, HaltState.REDUCING),
    ],
)
def test_a_limit_latches_when_reached_and_not_before(
    reached: dict[str, object], short: dict[str, object], code: DenialCode, state: HaltState
):
    record = HaltRecord()
    assert fallen(record) == []
    assert fallen(record, **short) == []
    assert fallen(record, **reached) == [code]
    assert fallen(record, **reached) == []
    assert record.state is state


def test_a_latch_outlives_recovery_restart_and_the_next_day():
    record = HaltRecord()
    fallen(record, realised_paise=-3_000_000)
    again = msgspec.json.decode(msgspec.json.encode(record), type=HaltRecord)
    assert fallen(again, day="2025-09-01") == []
    assert again.state is HaltState.HALTED


def test_resume_lifts_and_measures_from_there():
    record = HaltRecord()
    beaten: dict[str, object] = {"realised_paise": -3_100_000, "equity_paise": 89_000_000}
    assert fallen(record, **beaten) == [DenialCode.DAILY_LOSS]
    record.obey(CommandKind.RESUME, "me: looked at it", book(**beaten))
    assert record.state is HaltState.ACTIVE
    assert fallen(record, **beaten) == []
    cap = RiskSettings(max_daily_loss=0.03, max_drawdown=0.10, hard_day_loss_multiple=3.0)
    assert record.measure(book(realised_paise=-6_099_999, equity_paise=86_000_001), cap) == []
    fell = record.measure(book(realised_paise=-6_100_000, equity_paise=86_000_000), cap)
    assert [latch.code for latch in fell] == [DenialCode.DAILY_LOSS]


def test_no_resume_lifts_the_hard_cap_before_the_next_session():
    record = HaltRecord()
    beaten: dict[str, object] = {"realised_paise": -4_500_000}
    assert fallen(record, **beaten) == [DenialCode.DAILY_LOSS, DenialCode.HARD_DAY_LOSS]
    for _ in range(10):
        record.obey(CommandKind.RESUME, "me: again", book(**beaten))
        assert [latch.code for latch in record.latches] == [DenialCode.HARD_DAY_LOSS]
        assert record.state is HaltState.HALTED
    tomorrow = book(day="2025-09-01")
    assert record.measure(tomorrow, SETTINGS) == []
    assert record.state is HaltState.HALTED
    record.obey(CommandKind.RESUME, "me: a new day", tomorrow)
    assert (record.latches, record.operator) == ([], HaltState.ACTIVE)


def test_a_cap_reached_again_on_another_day_is_that_days_though_nobody_lifted_the_one_before():
    record = HaltRecord()
    fallen(record, realised_paise=-4_500_000, unrealised_paise=-1_000_000)
    beaten: dict[str, object] = {"day": "2025-09-01", "unrealised_paise": -5_500_000}
    monday = book_state(2, at(10, 0) + 3 * 24 * 60 * NS_PER_MINUTE, **beaten)
    assert [latch.code for latch in record.measure(monday, SETTINGS)] == [DenialCode.HARD_DAY_LOSS]
    assert record.measure(monday, SETTINGS) == []
    record.obey(CommandKind.RESUME, "me: again", monday)
    assert [latch.code for latch in record.latches] == [DenialCode.HARD_DAY_LOSS]


def test_drawdown_counts_from_the_highest_equity():
    record = HaltRecord()
    assert fallen(record, equity_paise=120_000_000) == []
    assert fallen(record, equity_paise=110_000_001) == []
    assert fallen(record, equity_paise=110_000_000) == [DenialCode.DRAWDOWN]


def test_losses_in_a_row_count_anew_after_resume_and_after_a_win():
    record = HaltRecord()
    three = TradeStatistics(trades=3, losses=3, consecutive_losses=3)
    assert fallen(record, statistics=three) == [DenialCode.CONSECUTIVE_LOSSES]
    record.obey(CommandKind.RESUME, "", book(statistics=three))
    assert fallen(record, statistics=TradeStatistics(trades=5, losses=5, consecutive_losses=5)) == []
    assert fallen(record, statistics=TradeStatistics(trades=6, wins=1, losses=5, consecutive_losses=0)) == []
    assert fallen(record, statistics=TradeStatistics(trades=9, wins=1, losses=8, consecutive_losses=3)) == [
        DenialCode.CONSECUTIVE_LOSSES
    ]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (CommandKind.HALT, HaltState.HALTED),
        (CommandKind.FLATTEN, HaltState.HALTED),
        (CommandKind.REDUCE, HaltState.REDUCING),
        (CommandKind.RESUME, HaltState.ACTIVE),
    ],
)
def test_the_operators_word_sets_the_state(kind: CommandKind, state: HaltState):
    record = HaltRecord()
    record.obey(kind, "me: drill", None)
    assert record.state is state


def test_a_latch_is_not_softened_by_a_milder_word():
    record = HaltRecord()
    fallen(record, realised_paise=-3_000_000)
    record.obey(CommandKind.REDUCE, "me: drill", None)
    assert record.state is HaltState.HALTED


def test_a_position_held_overnight_counts_with_what_it_lost_today():
    record = HaltRecord()
    assert fallen(record, day="2025-08-29", unrealised_paise=-2_000_000) == []
    assert fallen(record, day="2025-09-01", unrealised_paise=-2_500_000) == []
    assert fallen(record, day="2025-09-01", unrealised_paise=-4_999_999) == []
    assert fallen(record, day="2025-09-01", realised_paise=-5_000_000) == [DenialCode.DAILY_LOSS]
