"""Spreads near the money are grouped by the table's days and by premium, and held against its bounds."""

from __future__ import annotations

import pytest

from shared.errors import NoTrainingDataError
from shared.events import ChainSnapshot
from shared.market.quote_table import QuoteTable
from tests.builders import at, snapshot
from trading_system.analysis.quote_spreads import measure_spreads

STRIKES = (24300.0, 24400.0, 24500.0, 24600.0, 24700.0)


def chain(seq: int, width: float, odd: float | None = None) -> ChainSnapshot:
    calls = {strike: (300.0 + 24500.0 - strike, 300.0 + 24500.0 - strike + width) for strike in STRIKES}
    puts = dict.fromkeys(STRIKES, (300.0, 300.0 + width))
    if odd is not None:
        puts[24500.0] = (300.0, odd)
    return snapshot(seq, at(10, seq), calls=calls, puts=puts)


def test_quantiles_and_the_share_beyond_the_table_are_those_of_the_quotes_given():
    told: list[int] = []
    groups = measure_spreads([chain(1, 3.0), chain(2, 3.0, odd=3_000.0)], QuoteTable.load(), told.append)
    assert told == [1, 2]
    assert {group.days for group in groups} == {7}
    (group,) = groups
    assert (group.premium, group.quotes) == (100.0, 20)
    assert group.median == pytest.approx(3.0 / 301.5, rel=0.3)
    assert group.highest > 1.0
    assert group.beyond == pytest.approx(1.0 / 20.0)


def test_strikes_far_from_the_money_and_single_sides_do_not_count():
    quotes = dict.fromkeys(STRIKES, (300.0, 303.0))
    far = {**quotes, 20_000.0: (1.0, 900.0), 29_000.0: (None, 5.0)}
    groups = measure_spreads([snapshot(1, at(10, 0), calls=far, puts=far)], QuoteTable.load())
    assert sum(group.quotes for group in groups) == 2 * len(STRIKES)
    assert all(group.beyond == 0.0 for group in groups)


def test_nothing_to_measure_is_said():
    with pytest.raises(NoTrainingDataError):
        measure_spreads([], QuoteTable.load())
