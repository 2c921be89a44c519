"""The file sets the ceilings, commands only tighten, and only another file loosens, which is told of."""

from __future__ import annotations

import json

import msgspec
import pytest

from services.risk.greeks import BookGreeks, greeks_denial
from services.risk.handler import RiskHandler
from services.risk.room import room_denial
from services.risk.settings import TIGHTER, RiskSettings, contradictions
from shared.errors import ConfigError
from shared.events import Alert, Command, CommandKind, DenialCode, LimitState, Position
from shared.settings import load_settings
from tests.builders import (
    PUT,
    at,
    book_state,
    candidate,
    chain_header,
    contract,
    market_view,
    position,
    position_leg,
)
from tests.unit.services.risk.test_handler import command, risk


def tighten(handler: RiskHandler, name: str, value: float) -> list[str]:
    return [out.code for out in handler.handle(command(CommandKind.SET_LIMIT, name, value)) if isinstance(out, Alert)]


def in_force(handler: RiskHandler, name: str) -> float:
    return float(getattr(handler._limits.settings, name))


def with_position(handler: RiskHandler, seq: int = 1) -> LimitState:
    held = position(24400.0)
    leg = position_leg(
        contract(24400.0, PUT), iv=0.12, delta=-0.35, gamma=0.001, vega=1000.0, forward=24500.0, years=0.01
    )
    book = book_state(
        seq, at(10, 30), positions=(_with_leg(held, leg),), margin_paise=15_000_000, unrealised_paise=-100_000
    )
    (told,) = [out for out in handler.handle(book) if isinstance(out, LimitState)]
    return told


def _with_leg(held: Position, leg: object) -> Position:

    return msgspec.structs.replace(held, legs=(leg,))


@pytest.mark.parametrize("name", sorted(TIGHTER))
def test_every_limit_is_tightened_and_never_loosened_again(name: str):
    handler = risk(max_stress_loss=0.08, margin_buffer=0.15)
    held = in_force(handler, name)
    looser = held - TIGHTER[name] * (1 if isinstance(getattr(RiskSettings(), name), int) else 0.01)
    assert tighten(handler, name, looser) == ["limit_refused"]
    assert in_force(handler, name) == held
    assert tighten(handler, name, held) == ["limit_set"]


def test_a_command_that_loosens_after_one_that_tightened_is_refused_up_to_the_ceiling_even():
    handler = risk()
    assert tighten(handler, "max_positions", 1) == ["limit_set"]
    assert tighten(handler, "max_positions", 2) == ["limit_refused"]
    assert in_force(handler, "max_positions") == 1


def test_one_limit_tightened_under_another_holds_without_the_other():
    handler = risk()
    assert tighten(handler, "max_daily_loss", 0.01) == ["limit_set"]
    assert in_force(handler, "max_daily_loss") == 0.01


def test_a_tightening_outlives_a_restart_and_ends_with_another_ceiling_in_the_file():
    handler = risk(max_lots=10)
    handler.handle(book_state(1, at(10, 30)))
    tighten(handler, "max_lots", 2)
    same, other = risk(max_lots=10), risk(max_lots=8)
    for each in (same, other):
        each.restore(handler.checkpoint())
    assert in_force(same, "max_lots") == 2
    assert in_force(other, "max_lots") == 8
    told = [out.text for out in other.handle(book_state(2, at(10, 31))) if isinstance(out, Alert)]
    assert told == ["max_lots tighter by the settings file: 10 to 8"]
    assert [out for out in other.handle(book_state(3, at(10, 32))) if isinstance(out, Alert)] == []
    assert [out for out in same.handle(book_state(2, at(10, 31))) if isinstance(out, Alert)] == []


def test_a_looser_file_is_told_of():
    handler, looser = risk(), risk(max_vega_loss=0.03)
    handler.handle(book_state(1, at(10, 30)))
    looser.restore(handler.checkpoint())
    (alert,) = [out for out in looser.handle(book_state(2, at(10, 31))) if isinstance(out, Alert)]
    assert (alert.code, alert.text) == ("limit_configured", "max_vega_loss looser by the settings file: 0.02 to 0.03")


def test_a_checkpoint_of_before_is_read_and_its_looser_override_is_dropped():

    handler = risk()
    state = json.loads(handler.checkpoint())
    content = state.get("content", state)
    content.pop("limits")
    content["overrides"] = {"max_lots": 3, "max_daily_loss": 0.2}
    if "v" in state:
        state["v"] = 2
    handler.restore(json.dumps(state).encode())
    assert in_force(handler, "max_lots") == 3
    assert in_force(handler, "max_daily_loss") == 0.03


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"MAX_DELTA_LOSS": "0.06", "MAX_GAMMA_LOSS": "0.03"}, "9.0%"),
        ({"MAX_LOSS_PER_TRADE": "0.05"}, "max_daily_loss"),
        ({"MAX_DAILY_SLIPPAGE": "0.05"}, "max_daily_loss"),
        ({"MAX_DAILY_LOSS": "0.2"}, "max_drawdown"),
        ({"MAX_EXPOSURE_PER_TRADE": "1.0"}, "max_margin"),
        ({"MIN_DELTA": "0.4"}, "rising order"),
        ({"MIN_PREMIUM": "500"}, "max_premium"),
        ({"EXPIRY_DAY_MAX_DELTA": "0.1"}, "expiry_day_max_delta"),
        ({"MAX_DELTA_LOSS": "0.06"}, "lower max_delta_loss or max_gamma_loss, or raise max_daily_loss"),
        ({"MAX_DAILY_LOSS": "0.2"}, "lower max_daily_loss, or raise max_drawdown"),
        ({"MAX_VEGA_LOSS": "inf"}, "MAX_VEGA_LOSS: expected a finite number of more than 0.0, got 'inf'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict[str, str], word: str):
    with pytest.raises(ConfigError, match=word):
        load_settings(RiskSettings, {f"THETAFLOW_RISK_{name}": value for name, value in wrong.items()})


def test_the_defaults_do_not():
    assert contradictions(RiskSettings()) == []


def test_shares_that_add_up_to_their_limit_do_not_either():
    RiskSettings(max_delta_loss=0.1, max_gamma_loss=0.2, max_daily_loss=0.3, max_drawdown=0.4)


def test_risk_says_what_a_position_uses_and_what_a_jump_would_cost():
    told = with_position(risk(max_stress_loss=0.08))
    uses = {use.name: use for use in told.uses}
    assert uses["max_margin"].used == 150_000.0
    assert uses["max_daily_loss"].used == 1_000.0
    assert uses["hard_day_loss_multiple"].limit == 45_000.0
    assert uses["max_delta_loss"].used == pytest.approx(0.35 * 75 * 245.0)
    assert uses["max_stress_loss"].limit == 80_000.0
    by_move = {rung.move: rung for rung in told.stress}
    assert by_move[-0.05].at_expiry == pytest.approx(-(24400.0 - 0.95 * 24500.0 - 70.0) * 75 * 100)
    assert by_move[0.05].now[0] > 0
    assert uses["max_stress_loss"].used == pytest.approx(-min(by_move[-0.05].at_expiry, by_move[-0.05].now[0]) / 100)


def test_an_empty_book_is_told_of_once_and_again_when_a_limit_changes():
    handler = risk()
    first = [out for seq in range(1, 5) for out in handler.handle(book_state(seq, at(10, 30 + seq)))]
    assert [type(out) for out in first].count(LimitState) == 1
    told = [out for out in handler.handle(command(CommandKind.SET_LIMIT, "max_lots", 2)) if isinstance(out, LimitState)]
    assert [(each.name, each.value, each.configured, each.operator) for each in told[0].overrides] == [
        ("max_lots", 2.0, 10.0, "test")
    ]
    with_position(handler, seq=6)
    flat = [out for seq in (7, 8) for out in handler.handle(book_state(seq, at(10, 50))) if isinstance(out, LimitState)]
    assert [each.stress for each in flat] == [()]


def test_a_resume_under_the_hard_cap_says_that_it_lifts_nothing():
    handler = risk()
    handler.handle(book_state(1, at(10, 30), realised_paise=-4_600_000))
    resume = Command(header=chain_header(2, at(10, 31)), kind=CommandKind.RESUME, operator="asha", reason="again")
    (alert,) = [out for out in handler.handle(resume) if isinstance(out, Alert)]
    assert "until the next session has begun: resume again then" in alert.text


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("name", ["max_lots", "cool_down_minutes", "max_stress_loss"])
def test_a_limit_that_is_no_finite_number_is_refused_in_words_and_leaves_the_state_readable(name: str, value: float):
    handler = risk()
    (alert,) = [out for out in handler.handle(command(CommandKind.SET_LIMIT, name, value)) if isinstance(out, Alert)]
    assert alert.code == "limit_refused"
    assert f"{name}: expected a finite number" in alert.text
    risk().restore(handler.checkpoint())


def test_an_override_of_a_former_version_that_no_longer_holds_is_told_of_until_it_is_forgotten():
    state = json.loads(risk().checkpoint())
    content = state.get("content", state)
    content.pop("limits")
    content["overrides"] = {"max_premium": 200.0, "max_daily_loss": 0.2, "max_lots": 3}
    state["v"] = 3
    handler = risk()
    handler.restore(json.dumps(state).encode())
    told = [out for out in handler.handle(book_state(1, at(10, 30))) if isinstance(out, Alert)]
    assert [(alert.code, alert.text) for alert in told] == [
        (
            "limit_configured",
            "max_premium: 200 by command of a former version no longer holds; by the settings file: 400.0",
        ),
        (
            "limit_configured",
            "max_daily_loss: 0.2 by command of a former version no longer holds; by the settings file: 0.03",
        ),
    ]
    assert [out for out in handler.handle(book_state(2, at(10, 31))) if isinstance(out, Alert)] == []
    again = risk()
    again.restore(handler.checkpoint())
    assert [out for out in again.handle(book_state(2, at(10, 31))) if isinstance(out, Alert)] == []


def test_a_figure_that_is_no_number_passes_no_limit():
    nan = float("nan")
    assert greeks_denial(BookGreeks(0.0, nan, 0.0), 24500.0, RiskSettings()) is not None
    blind = msgspec.structs.replace(candidate(24400.0, PUT, 70.0, 70.5, -0.3), iv=nan)
    refused = room_denial(book_state(1, at(10, 30)), blind, market_view(), 1, RiskSettings())
    assert refused is not None
    assert refused.code is DenialCode.STRESS_LIMIT
