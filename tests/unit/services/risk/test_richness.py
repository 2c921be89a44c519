"""Richness is measured from views one after the other, remembers a while, and never looks ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk.richness import RichnessRecord, share_of
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_DAY, NS_PER_MINUTE
from shared.events import MarketView, QualityFlag
from tests.builders import at, market_view

MINUTES_PER_YEAR = 146_270.0
RULES = RiskSettings(prior_richness=0.0)
SESSION = 375


def view(minute: float, forward: float, volatility: float = 0.12, **changes: object) -> MarketView:
    """See the market some variance minutes into its week."""
    made = msgspec.structs.replace(
        market_view(),
        forward=forward,
        atm_iv=volatility,
        years_to_expiry=(2_800.0 - minute) / MINUTES_PER_YEAR,
        minutes_per_year=MINUTES_PER_YEAR,
    )
    return msgspec.structs.replace(made, **changes)


def see_all(record: RichnessRecord, forwards: Sequence[float], rules: RiskSettings = RULES) -> RichnessRecord:
    for minute, forward in enumerate(forwards):
        record.see(view(minute, forward), at(9, 15) + minute * NS_PER_MINUTE, rules)
    return record


def walk(volatility: float, minutes: int, seed: int) -> list[float]:
    shocks = np.random.default_rng(seed).standard_normal(minutes)
    steps = volatility * np.sqrt(1.0 / MINUTES_PER_YEAR) * shocks
    return [float(level) for level in 24_500.0 * np.exp(np.cumsum(steps))]


@pytest.mark.parametrize("richness", [-0.2, 0.0, 0.2, 0.5])
def test_it_finds_the_richness_of_a_market_that_was_made_with_it(richness: float):
    rules = RiskSettings(richness_step_minutes=1.0, prior_richness_minutes=1e-6, richness_half_life_minutes=1e9)
    record, realised = RichnessRecord(), 0.12 / (1.0 + richness)
    for day in range(40):
        for minute, forward in enumerate(walk(realised, SESSION, day)):
            record.see(view(minute, forward), at(9, 15) + day * NS_PER_DAY + minute * NS_PER_MINUTE, rules)
    # 15,000 steps: the standard error of the ratio is sqrt(2 / 15000) of it.
    ratio = 1.0 - share_of(richness)
    assert record.share_kept(rules) == pytest.approx(share_of(richness), abs=4.0 * ratio * math.sqrt(2.0 / 15_000.0))


def test_before_the_market_was_seen_the_prior_speaks_alone():
    assert RichnessRecord().share_kept(RULES) == 0.0
    assert RichnessRecord().share_kept(RiskSettings(prior_richness=0.2)) == pytest.approx(1.0 - 1.0 / 1.44)


def test_as_many_minutes_as_the_prior_weighs_count_half():
    rules = RiskSettings(prior_richness_minutes=60.0, richness_half_life_minutes=1e12, prior_richness=0.2)
    record = see_all(RichnessRecord(), [24_500.0] * 61, rules)
    assert record.minutes == pytest.approx(60.0)
    assert record.share_kept(rules) == pytest.approx(0.5 * 1.0 + 0.5 * share_of(0.2))


def test_what_was_seen_fades_by_half_in_its_half_life_of_trading():
    rules = RiskSettings(richness_half_life_minutes=100.0, richness_step_minutes=100.0)
    record = see_all(RichnessRecord(), [24_500.0] * 201, rules)
    assert record.minutes == pytest.approx(100.0 + 50.0)


def test_a_return_shorter_than_a_step_is_no_step():
    record = see_all(RichnessRecord(), [24_500.0, 24_600.0, 24_500.0, 24_600.0, 24_500.0])
    assert record.minutes == 0.0
    assert see_all(RichnessRecord(), [24_500.0] * 6).minutes == pytest.approx(5.0)


def test_nights_expiries_and_views_that_are_none_make_no_step():
    last = (view(0.0, 24_500.0), at(15, 20))
    for later, ts in (
        (view(187.5, 25_000.0), at(9, 20) + NS_PER_DAY),
        (view(10.0, 25_000.0, expiry="2025-09-09"), at(15, 30)),
        (view(10.0, 25_000.0, quality=(QualityFlag.FALLBACK,)), at(15, 30)),
        (view(10.0, 25_000.0, atm_iv=None), at(15, 30)),
        (view(10.0, 25_000.0, years_to_expiry=None), at(15, 30)),
        (view(-10.0, 25_000.0), at(15, 10)),
    ):
        record = RichnessRecord()
        record.see(*last, RULES)
        record.see(later, ts, RULES)
        assert (record.realised, record.implied, record.minutes) == (0.0, 0.0, 0.0)


def test_the_volatility_that_stood_before_the_return_is_what_it_is_held_against():
    record = RichnessRecord()
    record.see(view(0.0, 24_500.0, 0.10), at(10, 0), RULES)
    record.see(view(10.0, 24_600.0, 0.50), at(10, 10), RULES)
    assert record.implied == pytest.approx(0.10**2 * 10.0 / MINUTES_PER_YEAR)
    assert record.realised == pytest.approx(math.log(24_600.0 / 24_500.0) ** 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(20_000.0, 30_000.0), min_size=12, max_size=60), st.integers(1, 11))
def test_what_comes_later_changes_nothing_of_what_was_said_before(forwards: list[float], seen: int):
    alone = see_all(RichnessRecord(), forwards[:seen]).share_kept(RULES)
    record, said = RichnessRecord(), []
    for minute, forward in enumerate(forwards):
        record.see(view(minute, forward), at(9, 15) + minute * NS_PER_MINUTE, RULES)
        said.append(record.share_kept(RULES))
    assert said[seen - 1] == alone


def test_a_checkpoint_in_between_changes_nothing():
    forwards = walk(0.1, 200, 1)
    straight = see_all(RichnessRecord(), forwards)
    stored = msgspec.json.decode(msgspec.json.encode(see_all(RichnessRecord(), forwards[:97])), type=RichnessRecord)
    for minute, forward in list(enumerate(forwards))[97:]:
        stored.see(view(minute, forward), at(9, 15) + minute * NS_PER_MINUTE, RULES)
    assert stored == straight
