"""Settings of the recorder."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class RecorderSettings(ServiceSettings):
    """Where days are kept, how often they are written and how long they stay.

    Attributes:
        store: folder of the recorded days.
        poll_s: seconds between looks at the streams.
        flush_s: seconds after which what was read is written, however little it is.
        flush_entries: entries after which it is written at once.
        compact_after_s: seconds after a session's close from which its day is compacted.
        retention_days: age at which a day is deleted.
        retention_gib: size beyond which the oldest days go.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_RECORDER_")

    store: Path = Path("store")
    poll_s: float = Field(default=2.0, gt=0, le=60)
    flush_s: float = Field(default=60.0, gt=0, le=3600)
    flush_entries: int = Field(default=1_000, ge=1, le=100_000)
    compact_after_s: float = Field(default=1_800.0, ge=0, le=86_400)
    retention_days: int = Field(default=1_826, ge=1)
    retention_gib: float = Field(default=20.0, gt=0)
