"""Settings of the trainer."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.config import ServiceSettings


class TrainerSettings(ServiceSettings):
    """What the trainer keeps and how often it reports.

    Attributes:
        report_every: closed trades between two performance reports.
        window: newest trades the rolling figures look at.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_TRAINER_")

    report_every: int = Field(default=25, ge=1)
    window: int = Field(default=250, ge=10)
