"""Settings of the offline process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

MODELS: Final = Path("data/models")
"""Folder of the model registry unless a setting names another."""


class OfflineSettings(ServiceSettings):
    """Where the offline process reads and writes.

    Attributes:
        models: folder of the model registry; training sets are written below it, where the trainer finds them.
        store: folder of the recorded days.
        reports: folder of the reports of the days.
        poll_s: pause between two looks for requests, seconds.
        live_before_s: seconds before the open from which the mode is LIVE.
        offline_after_s: seconds after the close from which it is OFFLINE, and the day is reviewed.
        train_in_session: whether a training that falls due in market hours is done at once.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_OFFLINE_")
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({"store": "THETAFLOW_TRAINER_STORE"})

    models: Path = MODELS
    store: Path = Path("store")
    reports: Path = Path("data/reports")
    poll_s: float = Field(default=2.0, gt=0, le=600)
    live_before_s: float = Field(default=900.0, ge=60, le=7_200)
    offline_after_s: float = Field(default=600.0, ge=60, le=7_200)
    train_in_session: bool = False
