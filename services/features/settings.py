"""Settings of the features service."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class FeaturesSettings(ServiceSettings):
    """What of the chain travels on with the features.

    Windows and periods of the features are no settings: they belong to a feature's meaning and to the schema id.

    Attributes:
        candidate_strikes: strikes on either side of the money whose quotes a decision may choose from.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_FEATURES_")

    candidate_strikes: int = Field(default=12, ge=1, le=60)
