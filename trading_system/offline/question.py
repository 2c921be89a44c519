"""What a model's log-odds spread is asked to name, how well it does, and how well anybody could."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.metrics import auc
from services.trainer.release.training import Training
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from trading_system.offline.known_edge import KnownEdgeMarket, later_change

Floats = NDArray[np.float64]
_CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class Question:
    """What a log_odds_spread is asked to name at the judged moments.

    In a market with a known edge whether the index rises over the edge's horizon, on recorded days which side earned more.

    Attributes:
        ts: of the moments, ns.
        outcome: above 0 where the put's side was right, NaN where nobody knows.
    """

    ts: NDArray[np.int64]
    outcome: Floats

    @classmethod
    def of(cls, training: Training, spot: Floats, made: KnownEdgeMarket | None) -> Question:
        """Put the question to a training; `spot` is the index at each of its samples, points."""
        samples = training.samples
        rows = training.forecasts.rows[training.forecasts.judged]
        if made is not None:
            return cls(samples.ts[rows], later_change(samples.ts, spot, made.edge.horizon)[rows])
        return cls(samples.ts[rows], samples.net[rows, 0] - samples.net[rows, 1])

    def auc_of(self, log_odds_spread: Floats) -> float:
        """Give the AUC of a log_odds_spread at the moments, shape (moments,); ties and unknown outcomes are left out."""
        decided = np.isfinite(self.outcome) & (self.outcome != 0.0)
        return auc((self.outcome[decided] > 0.0).astype(np.float64), log_odds_spread[decided])

    def best_auc(self, made: KnownEdgeMarket, calendar: TradingCalendar, contracts: ContractTable) -> float:
        """Give the AUC of the best forecaster, who reads the hidden score; one half where there is no edge."""
        return self.auc_of(made.scores(self.ts, calendar, contracts)) if made.edge.correlation else _CHANCE


def log_odds_spread_of(training: Training) -> Floats:
    """Give log-odds of the put less those of the call at the judged moments, shape (moments,)."""
    forecasts = training.forecasts
    held = np.clip(forecasts.probability[forecasts.judged], 1e-9, 1.0 - 1e-9)
    odds = np.log(held / (1.0 - held))
    return np.asarray(odds[:, 0] - odds[:, 1])
