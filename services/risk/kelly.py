"""What share of capital a trade is worth staking, by what trades like it brought.

With results r (multiples of the loss planned at the stop) of weights w the stake f that grows capital fastest maximises the
mean of log(1 + f r): a concave function, so its one maximum is where the derivative, the sum of w r / (1 + f r), is 0. Source:
Kelly (1956), "A new interpretation of information rate"; Thorp (2006), "The Kelly criterion in blackjack, sports betting, and
the stock market". Mean and variance alone would overstate it: a seller's results are skewed, many small gains and few losses
beyond the stop, and every moment counts here.

The results are those of the book's closed trades beside a prior that weighs `kelly_prior_trades` of them: the target net of
costs, or a loss at the stop's expected fill, as likely as makes their mean 0. So nothing is believed of a rule before it
has traded. It would never trade, and never be known, so while fewer than `exploration_trades` results are known a rule may sell
`exploration_lots` under every other cap. A model's calibrated probability is believed: gains are weighed so that they have it
together, and losses the rest, each in its own proportions.

`kelly_from` `odds` takes the formula for two results instead, p - (1 - p) / b, with a prior win rate, as version 0.1.0 did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from services.risk.settings import RiskSettings
from services.risk.stops import expected_stop_fill
from shared.events import TradeStatistics

_HALVINGS: Final = 60
_NOISE: Final = 1e-12
"""A mean of this share of the results' size is rounding: a prior that breaks even is no edge."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What there is to win and to lose with one lot, and what it binds.

    Attributes:
        premium: expected to be received, points.
        stop, target: premiums that close the position, points.
        overshoot: loss expected at the stop, as a multiple of the loss between premium and stop.
        lot_size: units.
        costs_per_lot: of the round trip, rupees.
        margin_per_lot: rupees.
        margin_lots: what the margin of the whole book has room for.
        freeze_units: largest order the exchange takes, units.
        day_room: what may still be lost today, rupees.
    """

    premium: float
    stop: float
    target: float
    overshoot: float
    lot_size: int
    costs_per_lot: float
    margin_per_lot: float
    margin_lots: float
    freeze_units: int
    day_room: float

    @property
    def planned_loss(self) -> float:
        """Rupees one lot loses at the stop itself, costs included: the unit results are told in."""
        return self._loss_at(self.stop)

    @property
    def loss_per_lot(self) -> float:
        """Rupees lost where the stop is expected to be filled, costs included."""
        return self._loss_at(expected_stop_fill(self.premium, self.stop, self.overshoot))

    @property
    def gain_per_lot(self) -> float:
        """Rupees gained at the target, net of costs; not under 0."""
        return max((self.premium - self.target) * self.lot_size - self.costs_per_lot, 0.0)

    @property
    def odds(self) -> float:
        """Average win to average loss before there is a record: target over stop, as planned.

        Without the overshoot: about half of the losing trades end before the stop, by time, trail or signal, and lose
        less. Of 34 losers on made-up and recorded days 18 were stopped, and all lost 0.9 of the planned loss on average.
        """
        return self.gain_per_lot / self.planned_loss

    def _loss_at(self, fill: float) -> float:
        return (fill - self.premium) * self.lot_size + self.costs_per_lot


@dataclass(frozen=True, slots=True)
class StakeEdge:
    """The share of capital to stake, and the words for where it comes from.

    Attributes:
        kelly: to be lost at the stop's expected fill, of capital; 0 or less without an edge.
        reason: in words.
        explores: too few results are known to tell; a small stake is taken all the same.
    """

    kelly: float
    reason: str
    explores: bool = False


def estimate_edge(
    probability: float | None, statistics: TradeStatistics, stake: Stake, settings: RiskSettings
) -> StakeEdge:
    """Give the edge of a trade.

    Args:
        probability: calibrated, that the trade pays net of costs; None when the signal has none.
        statistics: closed trades of the book.
        stake: of one lot.
        settings: priors and how many trades outweigh them.
    """
    if settings.kelly_from == "odds":
        return _by_odds(probability, statistics, stake, settings)
    return _by_outcomes(probability, statistics, stake, settings)


def growth_optimal(outcomes: Sequence[tuple[float, float]]) -> float:
    """Give the stake that grows capital fastest, a share of it per unit of the results; 0 without an edge.

    Args:
        outcomes: results and their weights, the weights above 0; one of the results below 0, or no stake were too large.

    Raises:
        ValueError: no result is a loss.
    """
    worst = min(result for result, _ in outcomes)
    if worst >= 0.0:
        raise ValueError(f"expected a loss among the results, got none below {worst:g}")
    gained = fsum(weight * result for result, weight in outcomes)
    if gained <= _NOISE * fsum(weight * abs(result) for result, weight in outcomes):
        return 0.0
    low, high = 0.0, -1.0 / worst  # at the upper end the worst result is ruin
    for _ in range(_HALVINGS):
        stake = 0.5 * (low + high)
        slope = fsum(weight * result / (1.0 + stake * result) for result, weight in outcomes)
        low, high = (stake, high) if slope > 0.0 else (low, stake)
    return low


def _by_outcomes(
    probability: float | None, statistics: TradeStatistics, stake: Stake, settings: RiskSettings
) -> StakeEdge:
    known = sum(one.trades for one in statistics.outcomes)
    gain, loss = stake.odds, stake.loss_per_lot / stake.planned_loss
    if gain <= 0.0:
        return StakeEdge(-1.0, "the target does not pay for the costs")
    pays = loss / (gain + loss)
    prior = settings.kelly_prior_trades
    outcomes = [(gain, prior * pays), (-loss, prior * (1.0 - pays))]
    outcomes += [(one.mean, float(one.trades)) for one in statistics.outcomes]
    if probability is not None:
        outcomes = _tilted(outcomes, probability)
    kelly = growth_optimal(outcomes) * loss
    if probability is not None:
        return StakeEdge(kelly, f"calibrated probability {probability:.2f}, results of {known} trades")
    measured = fsum(one.total for one in statistics.outcomes) / known if known else 0.0
    words = f"no model: {known} trades of {measured:+.2f} R on average beside a prior that breaks even"
    return StakeEdge(kelly, words, explores=known < settings.exploration_trades)


def _tilted(outcomes: list[tuple[float, float]], probability: float) -> list[tuple[float, float]]:
    """Weigh gains so that they have the probability together, and all else the rest."""
    sums = [fsum(weight for result, weight in outcomes if (result > 0.0) is won) for won in (True, False)]
    shares = probability / sums[0], (1.0 - probability) / sums[1]
    return [(result, weight * (shares[0] if result > 0.0 else shares[1])) for result, weight in outcomes]


def _by_odds(probability: float | None, statistics: TradeStatistics, stake: Stake, settings: RiskSettings) -> StakeEdge:
    weight = statistics.trades / (statistics.trades + settings.kelly_prior_trades)
    prior_ratio = settings.prior_win_loss_ratio or stake.odds
    ratio = prior_ratio + weight * (_measured_ratio(statistics, prior_ratio) - prior_ratio)
    if probability is not None:
        words = f"calibrated probability {probability:.2f}, win/loss {ratio:.2f}"
        return StakeEdge(_of_two(probability, ratio), words)
    won = statistics.wins / statistics.trades if statistics.trades else settings.prior_win_rate
    shrunk = settings.prior_win_rate + weight * (won - settings.prior_win_rate)
    words = f"no model: prior win rate {settings.prior_win_rate:.2f} and {statistics.trades} trades give {shrunk:.2f}"
    return StakeEdge(_of_two(shrunk, ratio), f"{words}, win/loss {ratio:.2f}")


def _of_two(probability: float, ratio: float) -> float:
    return probability - (1.0 - probability) / ratio if ratio > 0.0 else -1.0


def _measured_ratio(statistics: TradeStatistics, otherwise: float) -> float:
    if not statistics.wins or not statistics.losses or not statistics.lost_paise:
        return otherwise
    return (statistics.won_paise / statistics.wins) / (statistics.lost_paise / statistics.losses)
