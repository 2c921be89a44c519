"""What is one venue's alone stands in that venue's folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
FOLDERS = ("shared", "services", "trading_system")
ALLOWED = {
    "services/executor/venues/settings.py": "the default, and the old names of settings that any venue has",
    "services/executor/venues/rehearsal.py": "the one venue that a rehearsal has a stand-in for",
}


def test_only_its_own_folder_and_the_settings_aliases_name_tradetron():
    own = ROOT / "services" / "executor" / "venues" / "tradetron"
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix != ".pyc" and own not in path.parents and b"tradetron" in path.read_bytes().lower()
    }
    assert found == set(ALLOWED)
