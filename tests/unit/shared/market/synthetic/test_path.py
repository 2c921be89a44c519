"""The made-up spot path has the vices of a real one, and its planted edge is as strong as its closed form says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import rankdata

from shared.market.synthetic.path import (
    NO_EDGE,
    REGIMES,
    DayPath,
    DaySpan,
    Edge,
    PathState,
    Regime,
    next_regime,
    simulate_day,
    u_shape,
)

START = PathState(24_000.0, 0.0, 0.0, Regime.NORMAL)
DAY = DaySpan(closure=0.25 / 252, session=0.75 / 252)


def days(edge: Edge, count: int, seed: int = 1) -> Iterator[DayPath]:
    state = START
    for number in range(count):
        path = simulate_day(state, 375, DAY, edge, np.random.default_rng((seed, number)))
        state = path.after
        yield path


def area_under_curve(score: np.ndarray, label: np.ndarray) -> float:
    ranks = rankdata(score)
    ups = int(label.sum())
    return float((ranks[label].sum() - ups * (ups + 1) / 2) / (ups * (len(label) - ups)))


def scores_and_outcomes(edge: Edge, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Score, and whether spot stands higher `edge.horizon` minutes later, every horizon so that none overlap."""
    scores, ups = [], []
    for path in days(edge, count):
        at = np.arange(0, 375 - edge.horizon, edge.horizon)
        scores.append(path.score[at])
        ups.append(path.spot[at + edge.horizon] > path.spot[at])
    return np.concatenate(scores), np.concatenate(ups)


@pytest.mark.parametrize("correlation", [0.1, 0.3, -0.3])
def test_the_score_predicts_exactly_as_well_as_the_closed_form_says(correlation):
    edge = Edge(correlation)
    score, up = scores_and_outcomes(edge, 600)
    found = area_under_curve(score * math.copysign(1.0, correlation), up)
    # 14,400 moments: the standard error of an area near 1/2 is about 0.005.
    assert found == pytest.approx(edge.bayes_auc(), abs=0.015)


def test_without_an_edge_the_score_predicts_nothing():
    score, up = scores_and_outcomes(NO_EDGE, 600)
    assert NO_EDGE.bayes_auc() == 0.5
    assert area_under_curve(score, up) == pytest.approx(0.5, abs=0.015)


def test_the_best_area_grows_from_one_half_to_one():
    areas = [Edge(rho).bayes_auc() for rho in (0.0, 0.1, 0.2, 0.5, 1.0)]
    assert areas == sorted(areas)
    assert areas[0] == 0.5
    assert areas[-1] == pytest.approx(1.0)


def test_an_edge_beyond_what_its_score_can_carry_is_refused():
    with pytest.raises(ValueError, match="correlation"):
        Edge(0.999, horizon=60, half_life=5.0).tilt()


def test_variance_is_u_shaped_over_the_session():
    squares = np.mean([np.diff(np.log(path.spot)) ** 2 for path in days(NO_EDGE, 300)], axis=0)
    opening, midday, closing = squares[:30].mean(), squares[150:250].mean(), squares[-30:].mean()
    assert opening > 1.5 * midday
    assert closing > 1.1 * midday
    assert u_shape(375).sum() == pytest.approx(1.0)


def test_volatility_moves_clusters_and_rises_when_spot_falls():
    logs, returns = [], []
    for path in days(NO_EDGE, 100):
        logs.append(np.diff(np.log(path.volatility)))
        returns.append(np.diff(np.log(path.spot)))
    assert np.corrcoef(np.concatenate(logs), np.concatenate(returns))[0, 1] < -0.3
    ratio = [path.volatility.max() / path.volatility.min() for path in days(NO_EDGE, 50)]
    assert np.median(ratio) > 1.3


def test_without_an_edge_the_index_has_no_drift():
    ends = [np.log(path.spot[-1] / path.opening) for path in days(NO_EDGE, 1500)]
    error = np.std(ends) / math.sqrt(len(ends))
    assert abs(np.mean(ends)) < 3.0 * error
    assert error < 0.0003


def test_returns_have_fat_tails():
    returns = np.concatenate([np.diff(np.log(path.spot)) for path in days(NO_EDGE, 200)])
    centred = returns - returns.mean()
    assert (centred**4).mean() / (centred**2).mean() ** 2 > 4.0


def test_yearly_volatility_of_a_regime_is_what_it_says():
    squares = [
        np.sum(np.diff(np.log(np.concatenate(([path.opening], path.spot)))) ** 2)
        for path in days(NO_EDGE, 400)
        if path.regime is Regime.CALM
    ]
    yearly = math.sqrt(np.mean(squares) * 252 / 0.75)
    assert yearly == pytest.approx(REGIMES[Regime.CALM].volatility, rel=0.15)


def test_all_regimes_come_and_last():
    rng = np.random.default_rng(5)
    seen = [Regime.NORMAL]
    for _ in range(600):
        seen.append(next_regime(seen[-1], rng))
    assert set(seen) == set(Regime)
    assert np.mean([a == b for a, b in pairwise(seen)]) > 0.5


def test_one_seed_is_one_path():
    first, second = (list(days(Edge(0.2), 3)) for _ in range(2))
    assert all(np.array_equal(a.spot, b.spot) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0].spot, next(days(Edge(0.2), 1, seed=2)).spot)
