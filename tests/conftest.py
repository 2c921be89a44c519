"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Folder of real captures beside the project, or THETAFLOW_TEST_DATA; tests that need it skip without it."""
    folder = Path(os.environ.get("THETAFLOW_TEST_DATA", _BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no market data at {folder}: set THETAFLOW_TEST_DATA to a folder of captures")
    return folder
