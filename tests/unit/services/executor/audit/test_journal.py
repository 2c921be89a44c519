"""A journal's lines are whole, on disk and one process's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.executor.audit.journal import HeldElsewhereError, Journal
from shared.errors import ConfigError


def test_lines_come_back_in_order_after_a_restart(tmp_path: Path):
    journal = Journal(tmp_path / "a" / "journal")
    for line in (b"one", b"two"):
        journal.append(line)
    journal.close()
    again = Journal(tmp_path / "a" / "journal")
    again.append(b"three")
    assert again.lines() == [b"one", b"two", b"three"]
    again.close()


def test_a_line_cut_short_is_set_aside_and_told_of(tmp_path: Path):
    path = tmp_path / "journal"
    path.write_bytes(b"one\nhalf")
    journal = Journal(path)
    assert journal.torn
    journal.append(b"two")
    assert journal.lines() == [b"one", b"two"]
    assert (tmp_path / "journal.torn").read_bytes() == b"half\n"
    journal.close()


def test_two_cannot_have_one_also_after_it_was_replaced(tmp_path: Path):
    path = tmp_path / "journal"
    journal = Journal(path)
    with pytest.raises(HeldElsewhereError):
        Journal(path)
    journal.append(b"one")
    journal.replace([b"two"])
    with pytest.raises(HeldElsewhereError):
        Journal(path)
    journal.append(b"three")
    journal.close()
    assert path.read_bytes() == b"two\nthree\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="journal"):
        Journal(tmp_path / "file" / "journal")
