"""The Kelly stake over the distribution of results: the textbook's where two results are all, less where losses have a tail."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.kelly import Stake, estimate_edge, growth_optimal
from services.risk.settings import RiskSettings
from shared.events import OutcomeBin, TradeStatistics, with_outcome

SETTINGS = RiskSettings()
ODDS = RiskSettings(kelly_from="odds", prior_win_rate=0.65)
STAKE = Stake(
    premium=100.0,
    stop=130.0,
    target=75.0,
    overshoot=1.0,
    lot_size=75,
    costs_per_lot=60.0,
    margin_per_lot=1_000.0,
    margin_lots=1e6,
    freeze_units=1_000_000,
    day_room=1e9,
)
GAIN = (25 * 75 - 60) / (30 * 75 + 60)


def with_results(*results: float) -> TradeStatistics:
    """Make the record of trades of these results, multiples of the planned loss."""
    outcomes: tuple[OutcomeBin, ...] = ()
    for result in results:
        outcomes = with_outcome(outcomes, result)
    wins = sum(result > 0.0 for result in results)
    return TradeStatistics(trades=len(results), wins=wins, losses=len(results) - wins, outcomes=outcomes)


def record(wins: int, losses: int, won: int = 0, lost: int = 0) -> TradeStatistics:
    return TradeStatistics(trades=wins + losses, wins=wins, losses=losses, won_paise=won, lost_paise=lost)


class TestGrowth:
    @pytest.mark.parametrize(("probability", "gain"), [(0.53, 1.0), (0.7, 1.0), (0.7, 0.5), (0.9, 0.25)])
    def test_of_two_results_it_is_the_textbooks(self, probability: float, gain: float):
        stake = growth_optimal([(gain, probability), (-1.0, 1.0 - probability)])
        assert stake == pytest.approx(probability - (1.0 - probability) / gain, abs=1e-12)

    def test_without_an_edge_there_is_no_stake(self):
        assert growth_optimal([(0.5, 0.5), (-1.0, 0.5)]) == 0.0
        assert growth_optimal([(1.0, 0.5), (-1.0, 0.5)]) == 0.0

    def test_a_tail_of_losses_lowers_it_though_mean_and_variance_are_the_same(self):
        even = [(0.1 + 0.8, 0.5), (0.1 - 0.8, 0.5)]
        # One in ten loses 3 deviations; the others gain a third of one: mean 0.1 and deviation 0.8 as above.
        skewed = [(0.1 + 0.8 / 3.0, 0.9), (0.1 - 0.8 * 3.0, 0.1)]
        for moment in (1, 2):
            sums = [math.fsum(weight * result**moment for result, weight in one) for one in (even, skewed)]
            assert sums[0] == pytest.approx(sums[1])
        assert growth_optimal(skewed) < 0.9 * growth_optimal(even)

    def test_results_without_a_loss_are_refused(self):
        with pytest.raises(ValueError, match="expected a loss"):
            growth_optimal([(0.5, 1.0)])

    @given(
        st.lists(st.tuples(st.floats(-4.0, 4.0), st.floats(0.1, 10.0)), min_size=1, max_size=20),
        st.floats(0.1, 5.0),
        st.floats(0.1, 1.0),
    )
    def test_no_other_stake_grows_faster_and_none_ruins(self, results, loss: float, other: float):
        outcomes = [*results, (-loss, 1.0)]
        best = growth_optimal(outcomes)
        worst = min(result for result, _ in outcomes)
        assert 0.0 <= best < -1.0 / worst

        def growth(stake: float) -> float:
            return math.fsum(weight * math.log1p(stake * result) for result, weight in outcomes)

        scale = math.fsum(weight for _, weight in outcomes)
        assert growth(best) >= growth(min(other, 0.999) * -1.0 / worst) - 1e-9 * scale
        assert growth(best) >= -1e-9 * scale


class TestOutcomes:
    def test_a_new_book_has_no_edge_and_explores(self):
        edge = estimate_edge(None, TradeStatistics(), STAKE, SETTINGS)
        assert edge.kelly == pytest.approx(0.0, abs=1e-9)
        assert edge.explores
        assert "no model: 0 trades" in edge.reason

    def test_it_explores_no_longer_once_enough_results_are_known(self):
        few, enough = with_results(*[-0.5] * 49), with_results(*[-0.5] * 50)
        assert estimate_edge(None, few, STAKE, SETTINGS).explores
        known = estimate_edge(None, enough, STAKE, SETTINGS)
        assert (known.kelly, known.explores) == (0.0, False)

    def test_a_model_is_believed_and_never_explores(self):
        edge = estimate_edge(0.7, TradeStatistics(), STAKE, SETTINGS)
        assert edge.kelly == pytest.approx(0.7 - 0.3 / GAIN)
        assert not edge.explores
        assert not estimate_edge(0.4, TradeStatistics(), STAKE, SETTINGS).explores

    def test_a_stop_that_overshoots_makes_the_prior_need_more_wins(self):
        beyond = Stake(**{name: getattr(STAKE, name) for name in STAKE.__slots__} | {"overshoot": 1.8})
        loss = beyond.loss_per_lot / beyond.planned_loss
        model = estimate_edge(0.9, TradeStatistics(), beyond, SETTINGS)
        assert model.kelly == pytest.approx(0.9 - 0.1 * loss / GAIN)

    def test_results_outweigh_the_prior_only_as_they_come_in(self):
        stakes = [estimate_edge(None, with_results(*[0.5, 0.5, -0.4] * n), STAKE, SETTINGS).kelly for n in (1, 10, 100)]
        assert stakes == sorted(stakes)
        assert 0.0 < stakes[0] < 0.1 * stakes[2]

    def test_better_results_never_lower_the_stake(self):
        stakes = [
            estimate_edge(None, with_results(*[0.4 + more, 0.4 + more, -1.0 + more] * 40), STAKE, SETTINGS).kelly
            for more in (0.0, 0.1, 0.2, 0.3)
        ]
        assert stakes == sorted(stakes)
        assert stakes[-1] > stakes[0]

    def test_losses_beyond_the_stop_lower_a_models_stake(self):
        kept, tail = with_results(*[0.4] * 80, *[-1.0] * 20), with_results(*[0.4] * 80, *[-1.0] * 15, *[-4.0] * 5)
        held, lower = (estimate_edge(0.85, each, STAKE, SETTINGS).kelly for each in (kept, tail))
        assert lower < 0.8 * held

    def test_a_target_under_its_costs_has_no_edge(self):
        dear = Stake(**{name: getattr(STAKE, name) for name in STAKE.__slots__} | {"costs_per_lot": 5_000.0})
        assert estimate_edge(0.9, TradeStatistics(), dear, SETTINGS).kelly < 0.0


class TestRecord:
    @given(st.lists(st.floats(-30.0, 30.0), max_size=300))
    def test_it_is_bounded_and_keeps_count_and_mean(self, results: list[float]):
        outcomes = with_results(*results).outcomes
        assert len(outcomes) <= 40
        assert sum(one.trades for one in outcomes) == len(results)
        assert math.fsum(one.total for one in outcomes) == pytest.approx(math.fsum(results), abs=1e-6)
        assert [one.level for one in outcomes] == sorted({one.level for one in outcomes})

    def test_gains_and_losses_never_share_a_bin(self):
        outcomes = with_results(0.01, -0.01).outcomes
        assert [one.mean for one in outcomes] == [-0.01, 0.01]


class TestOdds:
    def test_a_model_says_its_probability_and_a_rule_says_that_it_has_none(self):
        model = estimate_edge(0.66, TradeStatistics(), STAKE, ODDS)
        rule = estimate_edge(None, TradeStatistics(), STAKE, ODDS)
        assert model.kelly == pytest.approx(0.66 - 0.34 / GAIN)
        assert rule.kelly == pytest.approx(0.65 - 0.35 / GAIN)
        assert "no model" in rule.reason
        assert "calibrated" in model.reason

    def test_measured_figures_outweigh_the_prior_only_as_trades_come_in(self):
        for losses in (3, 300):
            won = 0.65 * 50 / (50 + losses)
            edge = estimate_edge(None, record(0, losses), STAKE, ODDS)
            assert edge.kelly == pytest.approx(won - (1.0 - won) / GAIN)
        edge = estimate_edge(0.6, record(25, 25, won=50_000, lost=25_000), STAKE, ODDS)
        assert edge.kelly == pytest.approx(0.6 - 0.4 / (0.5 * 2.0 + 0.5 * GAIN))

    def test_a_record_without_a_loss_tells_nothing_about_their_ratio(self):
        edge = estimate_edge(0.6, record(9, 0, won=90_000), STAKE, ODDS)
        assert edge.kelly == pytest.approx(0.6 - 0.4 / GAIN)
