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
    ],
)
def test_a_command_that_says_too_little_or_too_much_is_refused(wrong):
    with pytest.raises(ValidationError):
        CommandRequest.model_validate({"kind": "halt", "operator": "asha", "reason": "drill"} | wrong)
