"""Settings of the offline process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class OfflineSettings(ServiceSettings):
    """Where the offline process reads and writes.

    Attributes:
        models: folder of the model registry; training sets are written below it, where the trainer finds them.
        store: folder of the recorded days.
        poll_s: pause between two looks for requests, seconds.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_OFFLINE_")
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({"store": "THETAFLOW_TRAINER_STORE"})

    models: Path = Path("data/models")
    store: Path = Path("store")
    poll_s: float = Field(default=2.0, gt=0, le=600)
