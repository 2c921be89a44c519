"""No service knows of the front door, neither as an import nor as a name in a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import services
import shared

FOLDERS = [Path(package.__path__[0]) for package in (services, shared)]


@pytest.mark.parametrize("path", [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))], ids=str)
def test_no_source_names_it(path):
    assert "trading_system" not in path.read_text(encoding="utf-8")
