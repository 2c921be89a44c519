"""The traditional signal: a weighted score of a few well-known readings of the chain, no model behind it.

Every component is scaled to about -1 .. +1, positive when it speaks for a market that will not fall. The weighted
sum is taken as log-odds of "a short put pays rather than a short call". The seller's sign: a positive score sells
the put, a negative score sells the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, isfinite, sqrt, tanh

from services.predictor.strategies.port import Decision, Moment, StatelessStrategy, StrategyContext
from shared.events import Contribution

_PULL_OF_MAX_PAIN = 0.005
"""Distance of max pain, as a fraction of the forward, at which its pull counts in full."""
_TYPICAL_RISK_REVERSAL = -0.02
"""A falling smile is normal for an index: only its deviation says anything."""
_VOLATILE_RATIO = 1.3
_TRENDING = 0.5
_TOP = 5

Features = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class TraditionalScore:
    """The score and what it is made of.

    Attributes:
        log_odds: positive for SHORT PUT, negative for SHORT CALL.
        contributions: parts of `log_odds`, largest magnitude first; they add up to it.
    """

    log_odds: float
    contributions: tuple[Contribution, ...]

    @property
    def direction(self) -> int:
        """The side the score leans to: +1 SHORT PUT, -1 SHORT CALL, 0 exactly between."""
        return (self.log_odds > 0.0) - (self.log_odds < 0.0)

    @property
    def confidence(self) -> float:
        """Probability of the side it leans to, 0.5 to 1."""
        return 1.0 / (1.0 + exp(-abs(self.log_odds)))


class TraditionalStrategy(StatelessStrategy):
    """Sells the side the score leans to, when enough readings are present and volatility pays for the movement.

    Args:
        context: its settings hold the thresholds.
    """

    name = "traditional"

    def __init__(self, context: StrategyContext) -> None:
        self._settings = context.settings

    def decide(self, moment: Moment) -> Decision:
        """Score the features."""
        year = moment.market.minutes_per_year
        score = traditional_score(moment.features, year)
        direction, reason = self._direction(moment.features, score)
        return Decision(
            direction=direction,
            confidence=score.confidence,
            threshold=self._settings.threshold,
            reason=reason,
            regime=name_regime(moment.features, year),
            top_features=score.contributions[:_TOP],
            model_version=self.name,
        )

    def _direction(self, features: Features, score: TraditionalScore) -> tuple[int, str]:
        settings = self._settings
        if len(score.contributions) < settings.min_components:
            return 0, f"{len(score.contributions)} of {settings.min_components} needed readings present"
        if not sellers_market(features, settings.max_realised_over_implied):
            return 0, "realised volatility is not paid for by the implied one"
        if score.confidence < settings.threshold:
            return 0, f"confidence {score.confidence:.2f} under {settings.threshold:.2f}"
        leading = ", ".join(part.name for part in score.contributions[:3])
        return score.direction, f"score {score.log_odds:+.2f} from {leading}"


def traditional_score(features: Features, minutes_per_year: float) -> TraditionalScore:
    """Score one feature vector; a missing component contributes nothing and is not listed.

    Args:
        features: value by name.
        minutes_per_year: of the clock their volatilities are on.
    """
    volatility = features.get("atm_iv") or features.get("realised_vol_30m")
    trend = _in_moves(features.get("trend_ema_fast_slow"), volatility, 15.0 / minutes_per_year)
    drift = _in_moves(features.get("return_15m"), volatility, 15.0 / minutes_per_year)
    parts = (
        ("trend_ema_fast_slow", 0.9, trend),
        ("return_15m", 0.4, drift),
        ("opening_range_position", 0.3, _centred(features.get("opening_range_position"), 0.5, 1.0)),
        ("pcr_oi", 0.5, _centred(features.get("pcr_oi"), 1.0, 0.4)),
        ("max_pain_distance", 0.3, _centred(features.get("max_pain_distance"), 0.0, _PULL_OF_MAX_PAIN)),
        ("risk_reversal_25d", 0.3, _centred(features.get("risk_reversal_25d"), _TYPICAL_RISK_REVERSAL, 0.02)),
        ("oi_build_imbalance", 0.4, features.get("oi_build_imbalance")),
    )
    contributions = [
        Contribution(name=name, value=features.get(name), contribution=weight * scaled)
        for name, weight, scaled in parts
        if scaled is not None
    ]
    contributions.sort(key=lambda part: (-abs(part.contribution), part.name))
    return TraditionalScore(sum(part.contribution for part in contributions), tuple(contributions))


def sellers_market(features: Features, max_realised_over_implied: float) -> bool:
    """Tell whether implied volatility pays for the realised one. Unknown volatility does not object."""
    implied, realised = features.get("atm_iv"), features.get("realised_vol_30m")
    if implied is None or realised is None or implied <= 0.0:
        return True
    return realised <= max_realised_over_implied * implied


def name_regime(features: Features, minutes_per_year: float) -> str:
    """Name the market by rule: calm, trending or volatile; warming_up while the readings are missing.

    Args:
        features: value by name.
        minutes_per_year: of the clock their volatilities are on.
    """
    implied, realised = features.get("atm_iv"), features.get("realised_vol_30m")
    trend = _in_moves(features.get("trend_ema_fast_slow"), implied, 15.0 / minutes_per_year)
    if implied is None or realised is None or trend is None:
        return "warming_up"
    if realised > _VOLATILE_RATIO * implied:
        return "volatile"
    return "trending" if abs(trend) > _TRENDING else "calm"


def _in_moves(relative_move: float | None, volatility: float | None, years: float) -> float | None:
    """Scale a relative move by what `volatility` (annual) makes usual in a share of its year."""
    if relative_move is None or volatility is None:
        return None
    usual = volatility * sqrt(years)  # 0 also for a volatility too small to be halved
    return tanh(relative_move / usual) if usual > 0.0 else None


def _centred(value: float | None, centre: float, scale: float) -> float | None:
    return None if value is None or not isfinite(value) else tanh((value - centre) / scale)
