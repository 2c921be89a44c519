"""Settings of the features service."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class FeaturesSettings(ServiceSettings):
    """What is computed besides the built-in features, and what of the chain travels on with them.

    Windows and periods of the features are no settings: they belong to a feature's meaning and to the schema id.

    Attributes:
        families: feature families added behind the built-in ones, in this order: `path/to/file.py:FAMILY`, or the name
            of one of an installed package. The schema's id changes with them, and models of another are refused.
        candidate_strikes: strikes on either side of the money whose quotes a decision may choose from.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_FEATURES_")

    families: tuple[str, ...] = ()
    candidate_strikes: int = Field(default=12, ge=1, le=60)
