"""The spool has its size from the start, keeps the newest alerts, and can be read while it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.events import Alert, Header, Severity
from shared.observability.alert_spool import SLOT_BYTES, SLOTS, AlertSpool, read_spool


def alert(number: int, text: str = "the disk is full") -> Alert:
    header = Header.root(book="nifty", ts=number * 1_000_000_000, seq=0, producer="executor", suffix=f"n{number}")
    return Alert(header=header, severity=Severity.CRITICAL, code="disk", text=text)


def test_what_is_written_is_read_back_as_the_same_event(tmp_path: Path):
    with AlertSpool(tmp_path / "spool") as spool:
        spool.write(alert(1))
        (found,) = read_spool(tmp_path / "spool")
    assert found.alert() == alert(1)


def test_its_size_never_changes_and_the_oldest_makes_room_over_restarts(tmp_path: Path):
    path = tmp_path / "spool"
    for start in (0, SLOTS):
        with AlertSpool(path) as spool:
            assert path.stat().st_size == SLOTS * SLOT_BYTES
            for number in range(start, start + SLOTS):
                spool.write(alert(number))
    assert [one.ts // 1_000_000_000 for one in read_spool(path)] == list(range(SLOTS, 2 * SLOTS))
    assert path.stat().st_size == SLOTS * SLOT_BYTES


def test_a_long_text_loses_its_end_and_no_id(tmp_path: Path):
    with AlertSpool(tmp_path / "spool") as spool:
        spool.write(alert(1, "\u0001ü" * 2_000))
    (found,) = read_spool(tmp_path / "spool")
    assert found.id == alert(1).header.id
    assert found.text.endswith("...")


def test_a_torn_record_is_passed_over_and_a_file_that_is_not_there_is_empty(tmp_path: Path):
    path = tmp_path / "spool"
    assert read_spool(path) == ()
    with AlertSpool(path) as spool:
        spool.write(alert(1))
        spool.write(alert(2))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"alert.spool", b"alert.\xff\xff\xff\xff\xff", 1))
    assert [one.ts // 1_000_000_000 for one in read_spool(path)] == [2]


def test_one_process_has_it(tmp_path: Path):
    with AlertSpool(tmp_path / "spool"), pytest.raises(ConfigError, match="free"):
        AlertSpool(tmp_path / "spool")
