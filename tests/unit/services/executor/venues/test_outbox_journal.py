"""Damaged lines are set aside, a disk that takes nothing is said with each write, and what was owed comes later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.executor.audit.journal import HeldElsewhereError, no_room
from services.executor.venues.outbox_journal import JournalContent, OutboxJournal
from services.executor.venues.write import WRITE, Write, WriteState
from tests.fakes.small_disk import SmallDisk, can_mount, small_disk

needs_mount = pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
ZERO = Write(book="nifty", variable=1, fence=1, value=0, why="test", state=WriteState.CONFIRMED)
LONG = msgspec.structs.replace(ZERO, answer="x" * 9000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "small") as made:
        yield made


def test_damaged_lines_are_set_aside_and_the_others_kept(tmp_path: Path):
    path = tmp_path / "outbox-nifty.jsonl"
    path.write_bytes(b"\x00garbage\n" + WRITE.encode(ZERO) + b'\n{"layout":"outbox.write","v":99,"content":{}}\n')
    journal = OutboxJournal(path, no_room)
    found = journal.take_up(0)
    assert found.writes == (ZERO,)
    assert len(found.damaged) == 2
    journal.close()
    assert path.read_bytes() == WRITE.encode(ZERO) + b"\n"
    assert (tmp_path / "outbox-nifty.jsonl.damaged").read_bytes().startswith(b"\x00garbage\n")
    again = OutboxJournal(path, no_room)
    assert again.take_up(0) == JournalContent((ZERO,), ())
    with pytest.raises(HeldElsewhereError):
        OutboxJournal(path, no_room)
    again.close()


@needs_mount
def test_what_a_full_disk_did_not_take_is_written_before_the_next_but_never_an_entry(disk: SmallDisk):
    path = disk.path / "outbox-nifty.jsonl"
    journal = OutboxJournal(path, no_room)
    journal.record(ZERO)
    disk.fill()
    entry = msgspec.structs.replace(LONG, variable=2, value=1, state=WriteState.SENT)
    for write in (LONG, entry, msgspec.structs.replace(LONG, variable=3)):
        with pytest.raises(OSError, match="space"):
            journal.record(write)
    disk.empty()
    journal.record(msgspec.structs.replace(ZERO, fence=2, variable=4))
    assert [write.variable for write in JournalContent.at(path).writes] == [1, 1, 3, 4]
    journal.close()


@needs_mount
def test_a_full_disk_at_the_start_refuses_each_write_until_there_is_room_and_reads_what_is_there(disk: SmallDisk):
    path = disk.path / "sub" / "outbox-nifty.jsonl"
    path.parent.mkdir()
    path.write_bytes(WRITE.encode(ZERO) + b"\nnot a line\n")
    disk.fill()
    journal = OutboxJournal(path, no_room)
    found = journal.take_up(0)
    assert found.writes == (ZERO,)
    assert found.damaged == (b"not a line",)
    with pytest.raises(OSError, match="space"):
        journal.record(LONG)
    disk.empty()
    journal.record(ZERO)
    journal.close()
