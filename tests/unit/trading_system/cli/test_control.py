"""An operator's word is checked before it is published: who, why, for which book, and with what limit."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from shared.errors import ConfigError
from trading_system.cli.application import app

SOUND = ["--operator", "asha", "--reason", "drill"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["halt", "--operator", "", "--reason", "drill"], "--operator"),
        (["halt", "--operator", "asha", "--reason", "  "], "--reason"),
        (["halt", "--operator", "a\nb", "--reason", "drill"], "--operator"),
        (["set_limit", *SOUND], "set_limit"),
        (["set_limit", *SOUND, "--limit", "max_positions"], "set_limit"),
        (["set_limit", *SOUND, "--value", "2"], "set_limit"),
        (["set_limit", *SOUND, "--limit", "max_positions", "--value", "nan"], "set_limit"),
        (["halt", *SOUND, "--value", "2"], "halt"),
        (["halt", *SOUND, "--wait", "-1"], "--wait"),
        (["halt", *SOUND, "--wait", "nan"], "--wait"),
        (["halt", *SOUND, "--book", "nifti"], "--book: expected one of nifty, bank"),
        (["halt", *SOUND, "--level", "24600"], "halt"),
        (["settle", "--operator", "asha", "--source", "NSE"], "--level"),
        (["settle", "--operator", "asha", "--source", "NSE", "--level", "-1"], "--level"),
        (["settle", "--operator", "asha", "--level", "24600"], "--source"),
        (["settle", "--operator", "asha", "--source", "NSE", "--level", "24600", "--day", "4 Aug"], "--day"),
    ],
)
def test_a_command_that_says_too_little_or_the_wrong_thing_is_refused(arguments, named, monkeypatch):
    monkeypatch.setenv("THETAFLOW_BOOKS", "nifty,bank")
    refusal = CliRunner().invoke(app, ["control", *arguments]).exception
    assert isinstance(refusal, ConfigError)
    assert str(refusal).startswith(named)
    assert "\n" not in str(refusal)
