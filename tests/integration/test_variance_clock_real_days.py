"""Recorded days on the clock of variance and on the calendar's: volatility by days left, decay, and a day of news."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from services.features.families.registry import FEATURE_NAMES
from services.predictor.strategies.traditional import name_regime
from shared.clock import NS_PER_MINUTE, ist_date
from shared.events import FeatureVector
from shared.market.calendar import TradingCalendar
from shared.trading.levels import protect
from tests.migration import decisions as replay
from trading_system.analysis.feature_export import feature_vectors
from trading_system.wiring import Installation

pytestmark = pytest.mark.market_data
CALENDAR = TradingCalendar.load()
CLOCKS: dict[str, Mapping[str, str]] = {"variance": {}, "calendar": replay.V0_1_0}


@pytest.fixture(scope="module")
def autumn(market_data: Path) -> dict[str, list[FeatureVector]]:
    """28 sessions of Oct and Nov 2025."""
    return {
        name: list(feature_vectors(replay.recorded(market_data, "nse-raw-oldapi-2025q4"), Installation.load(environ)))
        for name, environ in CLOCKS.items()
    }


@pytest.fixture(scope="module")
def election(market_data: Path) -> dict[str, list[FeatureVector]]:
    """23 May 2019, an expiry day: 226 downloads."""
    return {
        name: list(feature_vectors(replay.election_day(market_data), Installation.load(environ)))
        for name, environ in CLOCKS.items()
    }


def days_left(vector: FeatureVector) -> int:
    expiry = date.fromisoformat(vector.market.expiry or "")
    return len(CALENDAR.trading_days(ist_date(vector.header.ts), expiry)) - 1


def years_left(vector: FeatureVector) -> float:
    return np.nan if vector.market.years_to_expiry is None else vector.market.years_to_expiry


def column(vectors: list[FeatureVector], name: str) -> np.ndarray:
    at = FEATURE_NAMES.index(name)
    return np.array([vector.values[at] for vector in vectors], dtype=float)


def by_days_left(vectors: list[FeatureVector]) -> dict[int, float]:
    levels = defaultdict(list)
    for vector in vectors:
        if vector.market.atm_iv is not None:
            levels[days_left(vector)].append(vector.market.atm_iv)
    return {left: float(np.median(found)) for left, found in levels.items()}


def test_volatility_no_longer_follows_the_days_left(autumn):
    variance, calendar = by_days_left(autumn["variance"]), by_days_left(autumn["calendar"])
    assert set(variance) == {0, 1, 2, 3, 4}
    assert max(variance.values()) / min(variance.values()) < 1.06  # .101 to .104
    assert max(calendar.values()) / min(calendar.values()) > 1.9  # .094 two days before, .192 on the expiry day


def test_stops_of_the_expiry_day_are_as_wide_as_those_two_days_before(autumn):
    rules = Installation.load({}).risk
    ratio = {}
    for name, vectors in autumn.items():
        levels = by_days_left(vectors)
        width = {left: protect(1000.0, levels[left], rules).stop - 1000.0 for left in (0, 2)}
        ratio[name] = width[0] / width[2]
    assert ratio["variance"] == pytest.approx(0.98, abs=0.03)
    assert ratio["calendar"] == pytest.approx(1.92, abs=0.03)


def test_straddles_decay_as_the_clock_says_and_not_as_the_calendar_does(autumn):
    """Total volatility at the money, first to last snapshot of a session, is the straddle without the index's moves."""
    sessions: dict[date, list[tuple[FeatureVector, FeatureVector]]] = defaultdict(list)
    for pair in zip(autumn["variance"], autumn["calendar"], strict=True):
        if pair[0].market.atm_iv is not None:
            sessions[ist_date(pair[0].header.ts)].append(pair)
    rows = []
    for pairs in sessions.values():
        first, last = pairs[0], pairs[-1]
        left = days_left(first[0])
        whole = last[0].header.ts - first[0].header.ts >= 240 * NS_PER_MINUTE
        if whole and 1 <= left <= 4:
            gone = [np.sqrt(years_left(b) / years_left(a)) for a, b in zip(first, last, strict=True)]
            actual = gone[0] * (last[0].market.atm_iv or np.nan) / (first[0].market.atm_iv or np.nan)
            rows.append((left, actual - 1.0, gone[0] - 1.0, gone[1] - 1.0))
    table = np.array(rows)
    assert len(table) == 20
    for left in (1, 2, 3, 4):
        actual, clock, calendar = table[table[:, 0] == left, 1:].mean(axis=0)
        assert abs(actual - clock) < abs(actual - calendar)
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(table), (2000, len(table)))
    for at, explained in ((2, True), (3, False)):
        low, high = np.quantile((table[:, 1] - table[:, at])[draws].mean(axis=1), [0.025, 0.975])
        assert (low < 0.0 < high) == explained


def test_theta_is_two_to_four_times_the_calendars(autumn):
    variance, calendar = (column(autumn[name], "straddle_theta_per_minute") for name in ("variance", "calendar"))
    left = np.array([days_left(vector) for vector in autumn["variance"]])
    for days in (1, 2, 3, 4):
        assert 1.8 < np.nanmedian((variance / calendar)[left == days]) < 4.5


def test_the_day_of_the_election_result_is_not_calm(election):
    calm = {}
    for name, vectors in election.items():
        states = column(vectors, "volatility_state")
        calm[name] = float((states[np.isfinite(states)] == -1.0).mean())
    assert calm["calendar"] > 0.85
    assert calm["variance"] < 0.40
    states = column(election["variance"], "volatility_state")
    assert (states == 1.0).sum() >= 35
    regimes = [
        name_regime(dict(zip(FEATURE_NAMES, vector.values, strict=True)), vector.market.minutes_per_year)
        for vector in election["variance"]
    ]
    assert regimes.count("volatile") >= 30
