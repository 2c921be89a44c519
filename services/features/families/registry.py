"""All features in order: the names and units of a vector's values, the id of their schema, and how to fill one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Final

import msgspec

from services.features.families import (
    build_up,
    forward,
    gamma,
    liquidity,
    max_pain,
    open_interest,
    premium,
    ratios,
    realised,
    returns,
    skew,
    term_structure,
    time_of_day,
    trend,
    volatility,
    volume,
)
from services.features.families.declaration import Feature
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from shared.ids import content_hash
from shared.models.feature_schema import FeatureSchema

Family = Callable[[CrossSection, Past | None], tuple[float, ...]]

_FAMILIES: Final = (
    ("Premium", premium),
    ("Forward", forward),
    ("Open interest", open_interest),
    ("Build-up", build_up),
    ("Volume", volume),
    ("Put-call ratios", ratios),
    ("Max pain", max_pain),
    ("Gamma exposure", gamma),
    ("Skew", skew),
    ("Implied volatility", volatility),
    ("Term structure", term_structure),
    ("Realised volatility", realised),
    ("Returns", returns),
    ("Trend", trend),
    ("Time", time_of_day),
    ("Liquidity", liquidity),
)

FAMILIES: Final[tuple[tuple[str, tuple[Feature, ...], Family], ...]] = tuple(
    (title, module.FEATURES, module.compute) for title, module in _FAMILIES
)
"""Title, declarations and computation of each family, in order of the vector."""

FEATURES: Final[tuple[Feature, ...]] = tuple(feature for _, declared, _ in FAMILIES for feature in declared)
FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
SCHEMA_ID: Final = content_hash(msgspec.json.encode([astuple(feature) for feature in FEATURES]))
SCHEMA: Final = FeatureSchema(SCHEMA_ID, FEATURE_NAMES, tuple(feature.unit for feature in FEATURES))

_COMPUTATIONS: Final[tuple[Family, ...]] = tuple(compute for _, _, compute in FAMILIES)


def compute_values(now: CrossSection, past: Past | None) -> tuple[float | None, ...]:
    """Compute every feature in order; what is not a finite number is missing, None."""
    values: list[float | None] = []
    for compute in _COMPUTATIONS:
        values += [value if value - value == 0.0 else None for value in compute(now, past)]
    return tuple(values)
