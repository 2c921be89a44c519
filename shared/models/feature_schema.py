"""The contract between who computes features and who reads them: an ordered list of names under one id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

import msgspec

from shared.errors import ConfigError, PluginError
from shared.ids import content_hash
from shared.plugins import Registry

PUBLISHED = "feature_schema.json"
"""Written by `python -m services.features.publish_schema`, beside this module: readers need not import the features."""


@dataclass(frozen=True, slots=True)
class FeatureSchema:
    """Names and units of the values of a FeatureVector, in order.

    Attributes:
        id: content hash of the registry's declarations; a vector names it, a reader compares it.
        names: one per value.
        units: one per value.
    """

    id: str
    names: tuple[str, ...]
    units: tuple[str, ...]


class DeclaredFeatures(Protocol):
    """What a reader has to know of a feature family: its declarations, each with a `name` and a `unit`."""

    @property
    def features(self) -> tuple[Any, ...]:
        """Declarations, in order of the values."""
        ...


def added_families() -> Registry[Any]:
    """Give the registry of families that may be added; packages add to it by the group `thetaflow.feature_families`."""
    return Registry("feature family", "thetaflow.feature_families", {}, members=("title", "features", "compute"))


def extended_schema(base: FeatureSchema, added: Sequence[DeclaredFeatures]) -> FeatureSchema:
    """Add the features of families to a schema; its id then follows from the base and every declaration added.

    Raises:
        PluginError: a feature has a name that is taken.
    """
    features = [feature for family in added for feature in family.features]
    if not features:
        return base
    names = (*base.names, *(feature.name for feature in features))
    taken = sorted({name for name in names if names.count(name) > 1})
    if taken:
        raise PluginError(f"expected names of features that nothing else has, got {', '.join(taken)} twice")
    identity = content_hash(msgspec.json.encode([base.id, features]))
    return FeatureSchema(identity, names, (*base.units, *(feature.unit for feature in features)))


def published_schema(added: Sequence[str] = ()) -> FeatureSchema:
    """Read the schema the features service publishes with this version of the code.

    Args:
        added: families it computes besides, as its setting `families` names them.

    Raises:
        ConfigError: the file is missing or no schema, or there is no such family.
    """
    resource = files("shared.models").joinpath(PUBLISHED)
    try:
        base = msgspec.json.decode(resource.read_bytes(), type=FeatureSchema)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{PUBLISHED}: expected the published feature schema, got {error}") from error
    families = added_families()
    return extended_schema(base, [families.get(reference) for reference in added])
