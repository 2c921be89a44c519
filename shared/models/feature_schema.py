"""The contract between who computes features and who reads them: an ordered list of names under one id."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import msgspec

from shared.errors import ConfigError

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


def published_schema() -> FeatureSchema:
    """Read the schema the features service publishes with this version of the code.

    Raises:
        ConfigError: the file is missing or no schema.
    """
    resource = files("shared.models").joinpath(PUBLISHED)
    try:
        return msgspec.json.decode(resource.read_bytes(), type=FeatureSchema)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{PUBLISHED}: expected the published feature schema, got {error}") from error
