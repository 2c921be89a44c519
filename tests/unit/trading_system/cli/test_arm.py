"""Arming asks the doctor first; a reason goes over red, and both are noted for the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from services.executor.audit.log import AuditLog, read_audit, verify
from services.executor.audit.operator_notes import FILE
from services.executor.audit.tail import AuditTail
from services.executor.venues.arming import FILE as ARMED
from shared.clock import ManualClock, ist_ns
from shared.errors import NotArmedError
from trading_system.cli.application import app


class NoHistory:
    """A broker's history in which nothing ever comes."""

    def __getattr__(self, _name: str) -> Any:  # noqa: ANN401 - stands for every method
        return lambda *_args, **_kwargs: []


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THETAFLOW_EXECUTOR_DIRECTORY", str(tmp_path / "audit"))
    monkeypatch.setenv("THETAFLOW_INGEST_SOURCE", "synthetic")
    monkeypatch.setenv("THETAFLOW_BROKER_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("THETAFLOW_GATEWAY_PORT", "0")
    return tmp_path / "audit"


def notes(directory: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in (directory / FILE).read_bytes().splitlines()]


def test_red_refuses_with_the_list_and_arms_nothing(directory):
    ended = CliRunner().invoke(app, ["arm", "--yes"])
    assert isinstance(ended.exception, NotArmedError)
    assert "1. source: set THETAFLOW_INGEST_SOURCE" in str(ended.exception)
    assert "--override REASON" in str(ended.exception)
    assert not (directory / ARMED).exists()
    blank = CliRunner().invoke(app, ["arm", "--yes", "--override", "  "])
    assert isinstance(blank.exception, NotArmedError)


def test_a_reason_goes_over_red_and_reaches_the_chained_log_once(directory):
    ended = CliRunner().invoke(app, ["arm", "--yes", "--override", "feed is tested by hand"])
    assert ended.exit_code == 0, ended.exception
    assert (directory / ARMED).exists()
    assert CliRunner().invoke(app, ["arm", "--off"]).exit_code == 0
    kept = notes(directory)
    assert [(note["act"], note.get("override")) for note in kept] == [
        ("arm", "feed is tested by hand"),
        ("disarm", None),
    ]
    assert any(fault.startswith("source: ") for fault in kept[0]["faults"])
    for _start in range(2):
        log = AuditLog(directory, ManualClock(ist_ns(2026, 11, 18, 9, 0)), {})
        tail = AuditTail(log, NoHistory(), [0], directory)
        tail._take_notes()
        log.close()
    lines = [line for line in read_audit(directory) if line["kind"] == "operator"]
    assert [line["act"] for line in lines] == ["arm", "disarm"]
    assert verify(directory).ok
