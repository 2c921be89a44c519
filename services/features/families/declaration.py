"""How a feature is declared: everything a reader of its number has to know, beside the code that computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.features.state.missing import NAN


class WarmUpUnit(StrEnum):
    """What a warm-up is counted in."""

    MINUTES = "minutes"
    BARS = "bars"
    SESSIONS = "sessions"


class Scaling(StrEnum):
    """What becomes of a feature when every price and strike is multiplied by the same factor."""

    INVARIANT = "invariant"
    PROPORTIONAL = "proportional"


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared feature.

    Attributes:
        name: unique; model files and rules refer to it.
        unit: of the value.
        formula: in words or symbols; constants and signs included.
        source: where the definition comes from.
        warm_up: how much unbroken history it takes; 0 for a figure of one snapshot.
        warm_up_unit: what `warm_up` counts.
        needs_history: whether more than the present snapshot enters.
        scaling: under a common factor on prices and strikes.
    """

    name: str
    unit: str
    formula: str
    source: str
    warm_up: int = 0
    warm_up_unit: WarmUpUnit = WarmUpUnit.MINUTES
    needs_history: bool = False
    scaling: Scaling = Scaling.INVARIANT


def missing(features: Sequence[Feature]) -> tuple[float, ...]:
    """Give NaN for every feature of a family."""
    return (NAN,) * len(features)


def ratio(numerator: float, denominator: float) -> float:
    """Divide; NaN when the denominator is 0 or either is NaN."""
    return numerator / denominator if denominator else NAN  # NaN is true and divides to NaN
