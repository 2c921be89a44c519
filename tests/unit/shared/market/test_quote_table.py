"""A spread is judged by the row of its date and days left; a missing bid counts as nothing, a missing ask is not judged."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import TableError
from shared.market.quote_table import NO_BOUND, QuoteTable, SpreadBound

ON = date(2025, 8, 29)
HEAD = "covered_from = 2012-01-01\ncovered_until = 2026-12-31\n"


def row(days: int, points: float, share: float, start: str = "2012-01-01") -> str:
    return f"[[spread]]\nfrom = {start}\ndays = {days}\npoints = {points}\nshare = {share}\n"


@pytest.mark.parametrize("days", [0, 1, 7, 8, 35, 400])
@pytest.mark.parametrize("premium", [2.0, 5.0, 50.0, 250.0, 900.0])
def test_ten_times_the_bid_is_no_ask_whatever_the_contract(days, premium):
    bound = QuoteTable.load().bound(ON, date.fromordinal(ON.toordinal() + days))
    assert not bound.holds(premium, premium * 10.0)
    assert bound.holds(premium, premium * 1.1)


def test_a_tick_beside_nothing_is_a_quote_and_an_ask_of_any_size_is_not():
    bound = QuoteTable.load().bound(ON, ON)
    assert bound.holds(None, 0.05)
    assert bound.holds(0.05, 0.5)
    assert not bound.holds(None, 120.0)
    assert bound.holds(120.0, None)
    assert bound.holds(None, None)


def test_a_users_row_of_the_same_start_wins_and_only_for_its_days(tmp_path: Path):
    mine = tmp_path / "quotes.toml"
    mine.write_text(HEAD + row(7, 0.0, 0.1) + row(7, 0.0, 0.2, "2025-09-01"))
    table = QuoteTable.load(mine)
    assert table.bound(ON, date(2025, 9, 2)) == SpreadBound(0.0, 0.1)
    assert table.bound(date(2025, 9, 1), date(2025, 9, 2)) == SpreadBound(0.0, 0.2)
    assert table.bound(ON, ON) == QuoteTable.load().bound(ON, ON)


@pytest.mark.parametrize(
    "text", [row(-1, 1.0, 0.5), row(0, -1.0, 0.5), row(0, 1.0, 0.0), "[[spread]]\nfrom = 2012-01-01\n"]
)
def test_a_row_that_bounds_nothing_is_refused(tmp_path: Path, text: str):
    mine = tmp_path / "quotes.toml"
    mine.write_text(HEAD + text)
    with pytest.raises(TableError):
        QuoteTable.load(mine)


def test_a_day_before_every_row_is_refused():
    with pytest.raises(TableError):
        QuoteTable.load().bound(date(2001, 1, 1), date(2001, 1, 4))


PRICE = st.none() | st.floats(0.05, 5_000.0)


@given(st.lists(st.tuples(PRICE, PRICE), min_size=1, max_size=20), st.floats(0.0, 5.0), st.floats(0.01, 2.0))
def test_columns_are_judged_as_single_quotes_are(pairs, points, share):
    bound = SpreadBound(points, share)
    bids, asks = (np.array([pair[at] for pair in pairs], dtype=np.float64) for at in (0, 1))
    kept = bound.judged(bids, asks)
    for (bid, ask), one in zip(pairs, kept, strict=True):
        assert (not np.isnan(one)) == (ask is not None and bound.holds(bid, ask))
        assert NO_BOUND.holds(bid, ask)
