"""The executor on a disk without a byte free: exits reach the venue, entries do not, and a restart does not die of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.audit.log import read_audit, verify
from services.executor.venues.arming import Arming, arm
from shared.events import Alert, CommandKind, Event
from shared.events.topology import Topic
from tests.chaos.execution_worker import TOKEN
from tests.fakes import tradetron as fake
from tests.fakes.small_disk import SmallDisk, can_mount, small_disk
from tests.fakes.tradetron import FakeTradetron
from tests.integration.test_execution_kill_file import (
    eventually,
    executor_process,
    leave_an_open_entry,
    live_day,
    market,
)

PAGE = 4096
needs_mount = pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")


@pytest.fixture
def venue() -> Iterator[FakeTradetron]:
    with FakeTradetron(TOKEN) as running:
        yield running


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "executor") as made:
        yield made


def exits_and_stays(folder: Path, venue: FakeTradetron, *, file_limit: bool = False) -> str:
    """Start the process with a kill file, see it write 0 and stay up; give what it logged."""
    process = executor_process(folder, venue, file_limit=file_limit)
    before = len(venue.calls)
    try:
        eventually(lambda: len(venue.calls) > before, "the exit sent")
        assert [call.values["gap"] for call in venue.calls[before:]] == ["0"]
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    return err


@needs_mount
def test_a_restart_on_a_full_disk_writes_0_and_says_that_nothing_is_on_record(
    tmp_path: Path, disk: SmallDisk, venue: FakeTradetron
):
    leave_an_open_entry(disk.path)
    # A journal that ends with its page: a tmpfs gives room by pages, and a page begun takes another line.
    leave_an_open_entry(disk.path, "x" * (PAGE - (disk.path / "outbox-nifty.jsonl").stat().st_size))
    arm(disk.path, Arming(book="nifty", day=live_day(), operator="test", venue="tradetron", answer=fake.STORED))
    (disk.path / "kill").write_text("full")
    disk.fill()
    for _ in range(2):
        err = exits_and_stays(tmp_path, venue)
        assert "journal_not_written" in err
        assert "audit_not_written" in err
        assert "disk_room" in err


def test_a_restart_under_a_limit_on_the_size_of_files_writes_0(tmp_path: Path, venue: FakeTradetron):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    arm(directory, Arming(book="nifty", day=live_day(), operator="test", venue="tradetron", answer=fake.STORED))
    (directory / "kill").write_text("full")
    assert "journal_not_written" in exits_and_stays(tmp_path, venue, file_limit=True)


def test_a_damaged_journal_is_set_aside_and_the_process_lives(tmp_path: Path, venue: FakeTradetron):
    directory = tmp_path / "executor"
    leave_an_open_entry(directory)
    journal = directory / "outbox-nifty.jsonl"
    journal.write_bytes(b"\x00\x00\x00\n" + journal.read_bytes() + b'{"half a line": ')
    arm(directory, Arming(book="nifty", day=live_day(), operator="test", venue="tradetron", answer=fake.STORED))
    (directory / "kill").write_text("damaged")
    err = exits_and_stays(tmp_path, venue)
    assert "journal_damaged" in err
    assert (directory / "outbox-nifty.jsonl.damaged").read_bytes() == b"\x00\x00\x00\n"
    assert (directory / "outbox-nifty.jsonl.torn").read_bytes() == b'{"half a line": \n'


@needs_mount
@pytest.mark.broker
def test_a_disk_that_fills_up_while_a_position_is_held_does_not_hold_its_exit(
    tmp_path: Path, disk: SmallDisk, venue: FakeTradetron
):
    with market(tmp_path, venue) as street:
        street.snapshot()
        street.order()
        assert len(street.snapshot().positions) == 1
        eventually(lambda: venue.value("gap") == "1", "the entry stored")
        disk.fill()
        for number in range(20):
            # Lines of the audit log, until the page that it had begun is full as well.
            street.command(CommandKind.REDUCE, number)
        eventually(lambda: "disk" in codes(street.events(Topic.ALERTS)), "the alert")
        street.command(CommandKind.FLATTEN)
        eventually(lambda: venue.value("gap") == "0", "the exit stored")
        assert street.process.is_alive()
        disk.empty()
        eventually(lambda: audited(disk.path) == 21, "every command in the audit log, once")
    assert verify(disk.path).ok


def audited(directory: Path) -> int:
    return sum(line["kind"] == "command" for line in read_audit(directory))


def codes(events: list[Event]) -> set[str]:
    return {event.code for event in events if isinstance(event, Alert)}
