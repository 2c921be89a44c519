"""Audit files that need not be kept any longer are listed and left alone."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from trading_system.cli.application import app


def test_files_older_than_the_years_they_must_be_kept_are_listed(tmp_path):
    for day in ("2001-01-02", "2999-01-01"):
        (tmp_path / f"audit-{day}.jsonl").write_text("")
    answer = CliRunner().invoke(app, ["audit", "expired", "--json", str(tmp_path)])
    assert json.loads(answer.stdout) == {"years": 5, "files": ["audit-2001-01-02.jsonl"]}
    assert len(list(tmp_path.iterdir())) == 2
