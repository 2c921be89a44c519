"""The kill file counts while it is there, by what it says, and in doubt."""

from __future__ import annotations

import os
from pathlib import Path

from services.executor.venues.kill_file import KillFile


def test_no_file_says_nothing(tmp_path: Path):
    assert KillFile(tmp_path / "kill").look() is None


def test_its_text_is_the_reason_and_each_appearance_has_a_name(tmp_path: Path):
    path = tmp_path / "kill"
    path.write_text("fire\n")
    first = KillFile(path).look()
    os.utime(path, ns=(1, 1))
    second = KillFile(path).look()
    assert first is not None
    assert second is not None
    assert first[0] == second[0] == "fire"
    assert first[1] != second[1]


def test_an_empty_file_and_a_folder_count_too(tmp_path: Path):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    for name in ("empty", "folder"):
        found = KillFile(tmp_path / name).look()
        assert found is not None
        assert found[0] == "kill file"


def test_a_place_that_cannot_be_looked_at_counts(tmp_path: Path):
    (tmp_path / "file").write_text("")
    found = KillFile(tmp_path / "file" / "kill").look()
    assert found is not None
    assert "cannot be looked at" in found[0]
