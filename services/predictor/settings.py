"""Settings of the predictor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class PredictorSettings(ServiceSettings):
    """How sure a signal must be, what speaks against selling at all, and which model decides.

    Attributes:
        families: feature families that the vectors hold besides the built-in ones; as THETAFLOW_FEATURES_FAMILIES says
            where this is not set.
        strategy: who decides: `ensemble` (a trained model, the traditional rule where none is in charge), `traditional`,
            one of an installed package, or yours as `path/to/file.py:ClassName`.
        threshold: least confidence of a traditional signal, probability of the chosen side, above one half.
        min_components: components of the traditional score that must be present.
        max_realised_over_implied: realised volatility may be at most this multiple of the implied one; above it the
            premium does not pay for the movement and the signal is neutral.
        models: folder of the model registry; without one there, the traditional signal decides.
        model: `champion` follows the registry and what is published; `none` stays with the traditional signal; a
            version is pinned, whatever is published, as a replay wants it.
        members: where model members beyond the built-in ones are, for bundles that name them: `path/to/file.py:MEMBER`;
            those of installed packages are found without; as THETAFLOW_TRAINER_MEMBERS says where this is not set.
        model_threshold: least probability of a model's signal; a side's break-even counts where it is higher.
        max_model_age_days: a model whose training ended longer ago is stale, and the traditional signal decides.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_PREDICTOR_")

    aliases: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"families": "THETAFLOW_FEATURES_FAMILIES", "members": "THETAFLOW_TRAINER_MEMBERS"}
    )

    families: tuple[str, ...] = ()
    strategy: str = Field(default="ensemble", min_length=1)
    threshold: float = Field(default=0.60, gt=0.5, lt=1.0)
    min_components: int = Field(default=4, ge=1)
    max_realised_over_implied: float = Field(default=1.6, gt=0.0)
    models: Path = Path("data/models")
    model: str = Field(default="champion", pattern=r"^(champion|none|[0-9a-f]{8,32})$")
    members: tuple[str, ...] = ()
    model_threshold: float = Field(default=0.55, ge=0.5, lt=1.0)
    max_model_age_days: float = Field(default=60.0, gt=0.0)
