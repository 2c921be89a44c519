"""A week in which every minute of trading has the same variance: its volatility reads the same on every day and hour."""

from __future__ import annotations

import math
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest

from services.features.families.registry import FEATURE_NAMES
from shared.clock import NS_PER_MINUTE, from_ns
from shared.events import ChainSnapshot, ExpiryChain, FeatureVector, Header, LegColumns
from shared.market.pricing import black76_price
from shared.settings import ServiceSettings
from shared.trading.levels import protect
from tests.unit.services.features.synthetic_days import CALENDAR, new_handler

VOLATILITY = 0.12
NIGHT, WEEKEND = 187.5, 80.0
YEAR = 252 * (375 + NIGHT) + 113 * 40.0
WEEK = [date(2026, 6, 3), date(2026, 6, 4), date(2026, 6, 5), date(2026, 6, 8), date(2026, 6, 9)]
EXPIRIES = (WEEK[-1], WEEK[-1] + timedelta(days=7))
STRIKES = tuple(24_000.0 + 50.0 * step for step in range(-20, 21))
FORWARD = 24_010.0
EVERY = 15


def minutes_left(number: int, minute: int, weeks: int) -> float:
    """Variance minutes from a minute of the week's session `number` to the close of its last, or one `weeks` later."""
    sessions = len(WEEK) - 1 - number
    rest = 375.0 - minute + sessions * (375.0 + NIGHT) + (WEEKEND if number < 3 else 0.0)
    return rest + weeks * (5 * (375.0 + NIGHT) + WEEKEND)


def legs(years: float, *, is_call: bool) -> LegColumns:
    fair = black76_price(FORWARD, np.array(STRIKES), years, VOLATILITY, is_call)
    intrinsic = np.maximum((FORWARD - np.array(STRIKES)) * (1 if is_call else -1), 0.0)
    worth = np.maximum(fair, intrinsic + 1e-9).tolist()
    count = (1_000,) * len(STRIKES)
    return LegColumns(
        bid=tuple(price - min(0.01, 0.1 * price) for price in worth),
        ask=tuple(price + min(0.01, 0.1 * price) for price in worth),
        bid_qty=count,
        ask_qty=count,
        ltp=tuple(worth),
        volume=count,
        oi=count,
        oi_change=count,
        iv=(None,) * len(STRIKES),
    )


def chain(expiry: date, years: float) -> ExpiryChain:
    return ExpiryChain(
        expiry=expiry.isoformat(),
        strikes=STRIKES,
        call=legs(years, is_call=True),
        put=legs(years, is_call=False),
        spot=FORWARD,
    )


@pytest.fixture(scope="module")
def vectors() -> list[FeatureVector]:
    handler = new_handler()
    found: list[FeatureVector] = []
    for number, day in enumerate(WEEK):
        session = CALENDAR.session(day)
        assert session is not None
        for minute in range(EVERY, 376 - EVERY, EVERY):
            ts = session.open_ns + minute * NS_PER_MINUTE
            expiries = tuple(
                chain(expiry, minutes_left(number, minute, weeks) / YEAR) for weeks, expiry in enumerate(EXPIRIES)
            )
            header = Header.root(book="nifty", ts=ts, seq=len(found) + 1, producer="ingest")
            snapshot = ChainSnapshot(
                header=header,
                underlying="NIFTY",
                received_ns=None,
                spot=FORWARD,
                vix=None,
                expiries=expiries,
                source="made",
            )
            found += [event for event in handler.handle(snapshot) if isinstance(event, FeatureVector)]
    return found


def column(vectors: list[FeatureVector], name: str) -> np.ndarray:
    at = FEATURE_NAMES.index(name)
    return np.array([vector.values[at] for vector in vectors], dtype=float)


@pytest.mark.parametrize("name", ["atm_iv", "next_atm_iv", "iv_7d", "forward_volatility"])
def test_volatility_is_flat_by_day_and_hour(vectors, name):
    levels = column(vectors, name)
    known = np.isfinite(levels)
    assert known.sum() > (0.9 if name != "iv_7d" else 0.5) * len(vectors)
    assert np.abs(levels[known] / VOLATILITY - 1.0).max() < 0.02


def test_the_expiry_afternoon_is_as_flat_as_the_rest(vectors):
    late = [vector for vector in vectors if vector.market.minutes_to_expiry < 180.0]
    assert len(late) == 11
    assert all(vector.market.atm_iv == pytest.approx(VOLATILITY, rel=0.02) for vector in late)


def test_stops_are_as_wide_on_the_expiry_day_as_two_days_before(vectors):
    class Rules(ServiceSettings):
        reference_volatility: float = 0.10
        stop_fraction: float = 0.3
        target_fraction: float = 0.5
        trail_fraction: float = 0.2
        limit_buffer: float = 0.1

    stops = {
        day: protect(100.0, vectors[number * len(vectors) // 5 + 12].market.atm_iv, Rules()).stop
        for number, day in enumerate(WEEK)
    }
    assert (stops[WEEK[4]] - 100.0) / (stops[WEEK[2]] - 100.0) == pytest.approx(1.0, rel=0.02)


def test_theta_is_what_the_straddle_loses_by_the_next_minute_and_by_the_next_day(vectors):
    theta, straddle = column(vectors, "straddle_theta_per_minute"), column(vectors, "straddle_points")
    a_day = len(vectors) // 5
    for number in (0, 1, 3):
        noon = number * a_day + 11
        lost = 1.0 - straddle[noon + 1] / straddle[noon]
        assert -EVERY * theta[noon] == pytest.approx(lost, rel=0.05)
        market = vectors[noon].market
        (call,) = [
            one for one in market.candidates if one.contract.strike == 24_000.0 and one.contract.kind.value == "CE"
        ]
        overnight = straddle[noon] - straddle[noon + a_day]
        assert -2.0 * call.theta == pytest.approx(overnight, rel=0.4)
        assert -2.0 * call.theta < overnight  # decay speeds up


def test_the_calendars_clock_would_see_another_market_every_day(vectors):
    totals = [(vector.market.atm_iv or math.nan) ** 2 * vector.market.years_to_expiry for vector in vectors]
    calendar = [
        math.sqrt(total * 525_600.0 / vector.market.minutes_to_expiry)
        for total, vector in zip(totals, vectors, strict=True)
    ]
    noon = [calendar[number * len(vectors) // 5 + 12] for number in range(5)]
    assert noon[4] / noon[2] > 1.8
    assert from_ns(vectors[0].header.ts).weekday() == 2
    assert msgspec.structs.asdict(vectors[0].market)["minutes_per_year"] == YEAR
