"""The answer to a query is valid JSON whatever the numbers are."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from trading_system.cli.application import app


def test_what_json_cannot_say_becomes_null(tmp_path):
    sql = "SELECT 'nan'::DOUBLE x, 'inf'::DOUBLE y, 1.5::DOUBLE z"
    answer = CliRunner().invoke(app, ["query", "--json", "--store", str(tmp_path), sql])
    assert answer.exit_code == 0
    assert json.loads(answer.stdout, parse_constant=refuse_constant)["rows"] == [{"x": None, "y": None, "z": 1.5}]


def refuse_constant(text: str) -> float:
    raise AssertionError(f"expected valid JSON, got {text}")
