"""Settings of the trainer."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class TrainerSettings(ServiceSettings):
    """What the trainer keeps and how often it reports.

    Attributes:
        report_every: closed trades between two performance reports.
        window: newest trades the rolling figures look at.
        retrain_every: closed trades between two trainings.
        retrain: whether the service trains by itself; it tells of a changed registry in any case.
        models: folder of the model registry, which the training sets come into, too.
        plan: file with size and pace of a training, JSON; the usual plan without one.
        members: model members fitted besides the built-in ones and those of the plan, in this order:
            `path/to/file.py:MEMBER`, or the name of one of an installed package.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_TRAINER_")

    report_every: int = Field(default=25, ge=1)
    window: int = Field(default=250, ge=10)
    retrain_every: int = Field(default=40, ge=25, le=50)
    retrain: bool = True
    models: Path = Path("data/models")
    plan: Path | None = None
    members: tuple[str, ...] = ()
