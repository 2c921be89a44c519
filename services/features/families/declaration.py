"""The port of a feature family: features declared beside the one function that computes them.

A feature is declared with everything a reader of its number has to know. A family is a pure function of the present
cross-section of the chain and of what came before it. `docs/howto/feature-family.md` shows how to add one, and
`tests/contract/test_feature_families.py` is what every one must pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
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


@dataclass(frozen=True, slots=True)
class FeatureFamily:
    """Features that are computed together.

    Attributes:
        title: heading in the reference.
        features: declarations, in order of the values.
        compute: gives one number for each of `features`, NaN where it cannot be known, from the cross-section of now
            and the past of the same underlying (None for a snapshot that is out of order or out of session).
    """

    title: str
    features: tuple[Feature, ...]
    compute: Callable[[CrossSection, Past | None], tuple[float, ...]]


def missing(features: Sequence[Feature]) -> tuple[float, ...]:
    """Give NaN for every feature of a family."""
    return (NAN,) * len(features)


def ratio(numerator: float, denominator: float) -> float:
    """Divide; NaN when the denominator is 0 or either is NaN."""
    return numerator / denominator if denominator else NAN  # NaN is true and divides to NaN


def balance(first: float, second: float) -> float:
    """Give (first - second) / (|first| + |second|), -1 to 1; NaN when both are 0 or either is NaN.

    Unlike first / second it does not run through infinity where the second changes its sign.
    """
    return ratio(first - second, abs(first) + abs(second))
