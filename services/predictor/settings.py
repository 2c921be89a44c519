"""Settings of the predictor."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.config import ServiceSettings


class PredictorSettings(ServiceSettings):
    """How sure a signal must be, and what speaks against selling at all.

    Attributes:
        threshold: least confidence of a signal, probability of the chosen side, above one half.
        min_components: components of the traditional score that must be present.
        max_realised_over_implied: realised volatility may be at most this multiple of the implied one; above it the
            premium does not pay for the movement and the signal is neutral.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_PREDICTOR_")

    threshold: float = Field(default=0.60, gt=0.5, lt=1.0)
    min_components: int = Field(default=4, ge=1)
    max_realised_over_implied: float = Field(default=1.6, gt=0.0)
