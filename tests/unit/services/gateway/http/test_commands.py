"""Commands need the configured token and mean exactly one thing."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from pydantic import SecretStr, ValidationError

from services.gateway.http.commands import CommandRequest, check_token

TOKEN = SecretStr("open-sesame")


def test_without_a_configured_token_commands_are_switched_off():
    with pytest.raises(HTTPException, match="THETAFLOW_GATEWAY_CONTROL_TOKEN") as refusal:
        check_token(None, "Bearer anything")
    assert refusal.value.status_code == 403


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer open-sesam", "Basic open-sesame", "open-sesame", "Bearer é"]
)
def test_another_token_is_refused(given):
    with pytest.raises(HTTPException) as refusal:
        check_token(TOKEN, given)
    assert refusal.value.status_code == 401


def test_the_token_passes():
    check_token(TOKEN, "Bearer open-sesame")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode"},
        {"operator": ""},
        {"operator": "a\nb"},
        {"reason": "  "},
        {"kind": "set_limit"},
        {"kind": "set_limit", "limit": "max_positions", "value": float("nan")},
        {"limit": "max_positions", "value": 2},
        {"unknown": 1},
        {"source": "NSE"},
        {"kind": "settle", "value": 24614.9},
        {"kind": "settle", "value": 24614.9, "source": "NSE"},
        {"kind": "settle", "value": -1, "source": "NSE", "underlying": "NIFTY"},
        {"kind": "settle", "value": 24614.9, "source": "NSE", "underlying": "NIFTY", "day": "4 Aug"},
        {"kind": "settle", "value": 24614.9, "source": "NSE", "underlying": "NIFTY", "limit": "max_positions"},
        {"kind": "set_limit", "limit": "max_positions", "value": 2, "source": "NSE"},
    ],
)
def test_a_command_that_says_too_little_or_too_much_is_refused(wrong):
    with pytest.raises(ValidationError):
        CommandRequest.model_validate({"kind": "halt", "operator": "asha", "reason": "drill"} | wrong)


def test_a_settlement_level_says_whose_it_is_and_where_it_comes_from():
    words = {"kind": "settle", "value": 24_614.9, "source": "NSE", "underlying": "NIFTY", "day": "2026-08-04"}
    request = CommandRequest.model_validate({"operator": "asha", "reason": "expiry"} | words)
    assert (request.value, request.source, str(request.day)) == (24_614.9, "NSE", "2026-08-04")
