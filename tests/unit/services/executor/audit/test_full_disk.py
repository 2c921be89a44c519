"""On a disk without room a journal stays as it was, the reserve goes first, and a warning comes long before."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.audit.disk_room import FILE, MIB, DiskLevel, DiskRoom
from services.executor.audit.journal import Journal
from services.executor.audit.log import AuditLog, audit_files, verify
from shared.clock import ManualClock
from tests.builders import at
from tests.fakes.small_disk import SmallDisk, can_mount, small_disk

needs_mount = pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
LINE = b"x" * 600
KIB = 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "small") as made:
        yield made


def append_many(journal: Journal) -> None:
    for _ in range(200):
        journal.append(LINE)


@needs_mount
def test_a_line_without_room_leaves_nothing_of_itself_and_the_next_one_follows_the_last(disk: SmallDisk):
    journal = Journal(disk.path / "journal")
    journal.append(b"one")
    disk.fill()
    for _ in range(3):
        with pytest.raises(OSError, match="space") as caught:
            journal.append(LINE * 10)
        assert caught.value.errno == errno.ENOSPC
    assert journal.lines() == [b"one"]
    disk.empty()
    journal.append(b"two")
    journal.close()
    again = Journal(disk.path / "journal")
    assert not again.torn
    assert again.lines() == [b"one", b"two"]
    again.close()


@needs_mount
def test_the_reserve_is_given_up_before_a_line_is_refused(disk: SmallDisk):
    room = DiskRoom(disk.path, short_bytes=0, full_bytes=0, reserve_bytes=64 * KIB)
    journal = Journal(disk.path / "journal", room.make_room)
    assert room.look() is None
    assert (disk.path / FILE).stat().st_size == 64 * KIB
    disk.fill()
    journal.append(LINE * 10)
    assert not (disk.path / FILE).exists()
    with pytest.raises(OSError, match="space"):
        append_many(journal)
    assert set(journal.lines()) == {LINE * 10, LINE}
    assert room.look() is None, "no reserve is made where there is no room for one"
    assert not (disk.path / FILE).exists()
    journal.close()


@needs_mount
def test_a_torn_line_on_a_full_disk_does_not_stop_the_start(disk: SmallDisk):
    path = disk.path / "journal"
    path.write_bytes(b"one\nhalf")
    disk.fill()
    journal = Journal(path)
    assert journal.torn
    assert journal.lines() == [b"one"]
    journal.close()


@needs_mount
def test_the_audit_chain_holds_across_a_full_disk_and_every_line_is_there_once(disk: SmallDisk):
    log = AuditLog(disk.path, ManualClock(at(10, 0)), {})
    log.append("order", {"number": 0})
    disk.fill()
    refused = 0
    for _ in range(20):
        try:
            log.append("order", {"number": 1, "text": "x" * 3000})
        except OSError:
            refused += 1
    assert refused >= 19
    disk.empty()
    log.append("order", {"number": 2})
    log.close()
    report = verify(disk.path)
    assert report.ok, report.problems
    assert report.lines == 22 - refused


def test_a_log_whose_last_line_is_damaged_goes_on_and_the_damage_is_named(tmp_path: Path):
    log = AuditLog(tmp_path, ManualClock(at(10, 0)), {})
    log.append("order", {"number": 0})
    log.close()
    (path,) = audit_files(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"n": \xff garbage\n')
    again = AuditLog(tmp_path, ManualClock(at(10, 1)), {})
    again.append("order", {"number": 1})
    again.close()
    report = verify(tmp_path)
    assert report.lines == 3
    assert any("line 2" in problem for problem in report.problems)


def test_free_space_is_a_condition_of_readiness_with_a_warning_before(tmp_path: Path):
    levels = []
    for short, full in ((0, 0), (1 << 60, 0), (1 << 60, 1 << 60)):
        room = DiskRoom(tmp_path, short_bytes=short, full_bytes=full)
        changed = room.look()
        levels.append((None if changed is None else changed[0], room().ok))
        assert room.look() is None, "said once"
    assert levels == [(None, True), (DiskLevel.SHORT, True), (DiskLevel.FULL, False)]
    assert f"expected {(1 << 60) / MIB:.0f}" in room().reason
    assert not DiskRoom(tmp_path / "gone", short_bytes=0, full_bytes=0)().ok
