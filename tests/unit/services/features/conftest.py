"""Feeds that several test modules share, made once."""

from __future__ import annotations

import pytest

from shared.events import ChainSnapshot
from tests.unit.services.features.synthetic_days import made_days, roughened, thinned


@pytest.fixture(scope="session")
def smooth_day() -> list[ChainSnapshot]:
    """One session, a snapshot a minute, nothing missing."""
    return made_days(1)


@pytest.fixture(scope="session")
def rough_day(smooth_day) -> list[ChainSnapshot]:
    """The same session with uneven stamps, holes and missing numbers."""
    return roughened(smooth_day, seed=1)


@pytest.fixture(scope="session")
def many_days() -> list[ChainSnapshot]:
    """Twenty-four sessions, a snapshot every twenty minutes and at the close."""
    return thinned(made_days(24, strikes=31), 20)
