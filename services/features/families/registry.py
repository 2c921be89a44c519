"""All features in order: the names and units of a vector's values, the id of their schema, and how to fill one."""

from __future__ import annotations

from collections.abc import Sequence
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
from services.features.families.declaration import Feature, FeatureFamily
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from shared.errors import BadInputError
from shared.ids import content_hash
from shared.models.feature_schema import FeatureSchema, added_families, extended_schema
from shared.plugins import Registry

_MODULES: Final = (
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

FAMILIES: Final[tuple[FeatureFamily, ...]] = tuple(
    FeatureFamily(title, module.FEATURES, module.compute) for title, module in _MODULES
)
"""The built-in families, in order of the vector."""

FEATURES: Final[tuple[Feature, ...]] = tuple(feature for family in FAMILIES for feature in family.features)
FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
SCHEMA_ID: Final = content_hash(msgspec.json.encode([astuple(feature) for feature in FEATURES]))
SCHEMA: Final = FeatureSchema(SCHEMA_ID, FEATURE_NAMES, tuple(feature.unit for feature in FEATURES))
"""Schema of a vector to which no family was added."""


class FeatureSet:
    """The features that are computed: those built in, then those of the families added, in the order of the setting.

    Args:
        added: families beyond the built-in ones.

    Raises:
        PluginError: a feature of theirs has a name that is taken.
    """

    def __init__(self, added: Sequence[FeatureFamily] = ()) -> None:
        self.families = (*FAMILIES, *added)
        self.schema = extended_schema(SCHEMA, added)
        self._computations = tuple(family.compute for family in self.families)

    def compute(self, now: CrossSection, past: Past | None) -> tuple[float | None, ...]:
        """Compute every feature in order; what is not a finite number is missing, None.

        Raises:
            BadInputError: a family gave another number of values than it declares.
        """
        values: list[float | None] = []
        for compute in self._computations:
            values += [value if value - value == 0.0 else None for value in compute(now, past)]
        if len(values) != len(self.schema.names):
            wrong = [family for family in self.families if len(family.compute(now, past)) != len(family.features)]
            for family in wrong:
                got = len(family.compute(now, past))
                raise BadInputError(f"{len(family.features)} values", got, f"feature family {family.title!r}")
        return tuple(values)


def feature_set(references: Sequence[str] = ()) -> FeatureSet:
    """Make the set of the built-in families and those named: `path/to/file.py:FAMILY`, or one of an installed package.

    Raises:
        PluginError: there is no such family, or it cannot be used.
    """
    families: Registry[FeatureFamily] = added_families()
    return FeatureSet([families.get(reference) for reference in references])
