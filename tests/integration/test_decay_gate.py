"""A few made days with and without an edge: a book that asks what time pays trades where it is paid and stays out else."""

from __future__ import annotations

import pytest

from bench.decay import VARIANTS, Account, play, table
from services.ingest.sources.synthetic.source import synthetic_days
from trading_system.wiring import Installation

SEED, DAYS = 401, 2


def played(richness: float, **told: float) -> dict[str, dict[str, float]]:
    variants = {"before": VARIANTS["before"], "after": told}
    market = synthetic_days(SEED, DAYS, strikes=41, expiries=1, richness=richness)
    accounts, days = play(market, variants, Installation.load({}))
    assert days == DAYS
    return {name: account.figures(days) for name, account in accounts.items()}


@pytest.mark.timeout(120)
def test_without_an_edge_it_stays_out_where_it_paid_for_trades_before():
    rows = played(0.0)
    assert rows["before"]["trades"] > 10
    assert rows["before"]["charges"] + rows["before"]["spread"] < -1_000.0
    assert rows["after"]["trades"] == 0.0
    assert rows["after"]["net"] == 0.0


@pytest.mark.timeout(120)
def test_in_a_market_known_as_rich_it_trades_and_time_brings_several_times_the_costs():
    rows = played(0.3, prior_richness=0.3)
    costs = {name: -(row["charges"] + row["spread"]) for name, row in rows.items()}
    assert 0.0 < rows["after"]["trades"] < 0.5 * rows["before"]["trades"]
    assert rows["after"]["time"] > 3.0 * costs["after"]
    assert rows["after"]["time"] / costs["after"] > 2.0 * rows["before"]["time"] / costs["before"]
    assert rows["after"]["held"] > rows["before"]["held"]
    assert 0.0 < rows["after"]["stress"] <= 80_000.0


def test_a_book_that_never_traded_has_a_row_of_zeros():
    (head, _, row) = table({"idle": Account().figures(2)})
    assert head.count("|") == row.count("|")
    assert "nan" not in row
