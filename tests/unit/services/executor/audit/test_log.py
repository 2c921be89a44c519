"""The audit chain holds from line to line and day to day, and any change to it is found."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import pytest

from services.executor.audit.log import AuditLog, audit_files, past_retention, read_audit, verify
from shared.clock import NS_PER_DAY, ManualClock
from shared.errors import ConfigError
from tests.builders import at

SECRET = "11111111-2222-4333-8444-555555555555"  # noqa: S105  # nobody's


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Three days of twenty lines, written by two processes in turn."""
    clock = ManualClock(at(10, 0))
    for _ in range(2):
        log = AuditLog(tmp_path, clock, {"config": "c", "code": "1"}, [SECRET])
        for number in range(30):
            log.append("order", {"number": number, "why": f"sent with {SECRET}"})
            if number % 20 == 19:
                clock.advance(NS_PER_DAY)
        log.close()
    return tmp_path


def test_the_chain_holds_over_days_and_restarts(chain: Path):
    report = verify(chain)
    assert report.ok, report.problems
    assert (report.files, report.lines) == (3, 60)


def test_every_line_says_who_when_and_what(chain: Path):
    first = next(read_audit(chain))
    assert (first["n"], first["kind"], first["config"], first["code"]) == (1, "order", "c", "1")
    assert first["ist"] == "2025-08-29T10:00:00+05:30"
    assert first["utc"] == "2025-08-29T04:30:00+00:00"


def test_no_secret_is_written(chain: Path):
    assert not any(SECRET in path.read_text() for path in chain.iterdir())


def test_one_flipped_byte_anywhere_is_found(chain: Path):
    rng = Random(7)
    for _ in range(300):
        path = rng.choice(audit_files(chain))
        content = path.read_bytes()
        changed = bytearray(content)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(changed))
        assert not verify(chain).ok
        path.write_bytes(content)
    assert verify(chain).ok


@pytest.mark.parametrize("change", ["drop", "swap", "cut", "repeat", "day", "head"])
def test_lines_taken_away_moved_or_cut_off_are_found(chain: Path, change: str):
    files = audit_files(chain)
    lines = files[-1].read_bytes().splitlines(keepends=True)
    if change == "drop":
        lines.pop(3)
    elif change == "swap":
        lines[2], lines[3] = lines[3], lines[2]
    elif change == "cut":
        lines = lines[:-1]
    elif change == "repeat":
        lines.append(lines[-1])
    files[-1].write_bytes(b"".join(lines))
    if change == "day":
        files[0].unlink()
    if change == "head":
        (chain / "audit.head").unlink()
    assert not verify(chain).ok


def test_a_crash_in_the_middle_of_a_line_is_set_aside_and_the_chain_goes_on(chain: Path):
    path = audit_files(chain)[-1]
    path.write_bytes(path.read_bytes() + b'{"half of')
    log = AuditLog(chain, ManualClock(at(10, 0) + 5 * NS_PER_DAY), {})
    log.append("order", {})
    log.close()
    assert verify(chain).ok
    assert b"half of" in path.with_name(path.name + ".torn").read_bytes()


def test_two_processes_cannot_write_one_log(tmp_path: Path):
    log = AuditLog(tmp_path, ManualClock(0), {})
    with pytest.raises(ConfigError, match="another process"):
        AuditLog(tmp_path, ManualClock(0), {})
    log.close()


def test_only_files_past_their_years_may_go(chain: Path):
    assert past_retention(chain, date(2030, 8, 29), 5) == []
    assert [path.name for path in past_retention(chain, date(2030, 8, 30), 5)] == ["audit-2025-08-29.jsonl"]


def test_an_empty_folder_has_nothing_wrong_with_it(tmp_path: Path):
    assert verify(tmp_path).ok
