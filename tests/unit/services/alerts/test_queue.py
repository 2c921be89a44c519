"""The queue on disk: read back whole, cut lines and full disks survived, held by one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.alerts.queue import FILE, AlertQueue, read_records
from services.alerts.records import TakenUpTo
from shared.errors import ConfigError
from tests.fakes.full_disk import full_disk


def place(number: int) -> TakenUpTo:
    return TakenUpTo(partition=number, entry=f"{number}-0")


def test_records_come_back_and_a_line_that_was_cut_short_is_passed_over(tmp_path: Path):
    queue = AlertQueue(tmp_path)
    queue.append([place(1), place(2)])
    queue.close()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"layout":"alerts.record","v":1,"con')
    again = AlertQueue(tmp_path)
    assert list(again.records) == [place(1), place(2)]
    assert again.torn
    again.append([place(3)])
    again.close()
    assert read_records((tmp_path / FILE).read_bytes()) == [place(1), place(2), place(3)]


def test_a_disk_that_is_full_keeps_records_in_memory_until_there_is_room(tmp_path: Path):
    queue = AlertQueue(tmp_path)
    queue.append([place(1)])
    with full_disk((tmp_path / FILE).stat().st_size + 10):
        queue.append([place(2)])
        queue.append([place(3)])
        assert "too large" in queue.trouble
        queue.compact([place(1), place(2), place(3)])
        assert read_records((tmp_path / FILE).read_bytes()) == [place(1)]
    queue.write()
    assert queue.trouble == ""
    queue.close()
    assert read_records((tmp_path / FILE).read_bytes()) == [place(1), place(2), place(3)]


def test_compacting_starts_over(tmp_path: Path):
    queue = AlertQueue(tmp_path)
    queue.append([place(1), place(2)])
    queue.compact([place(3)])
    queue.append([place(4)])
    queue.close()
    assert read_records((tmp_path / FILE).read_bytes()) == [place(3), place(4)]


def test_two_processes_never_have_one_queue(tmp_path: Path):
    queue = AlertQueue(tmp_path)
    with pytest.raises(ConfigError, match="expected a free folder"):
        AlertQueue(tmp_path)
    queue.close()
