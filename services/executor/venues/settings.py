"""Settings of any venue: which one, whether it is written to, and how patiently; they stand in the executor's section.

What one venue alone needs (address, token, names of its variables) are settings of its own, in its own folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from shared.settings import ServiceSettings

_SECTION: Final = "THETAFLOW_EXECUTOR_"
_FORMERLY: Final = (
    "mode",
    "sources",
    "timeout_s",
    "min_interval_s",
    "settle_s",
    "retry_s",
    "retry_max_s",
    "breaker_failures",
    "breaker_s",
    "max_age_s",
)
"""Fields that were Tradetron's own until 0.1.0; their old variables count where the new ones are not set."""


class VenueSettings(ServiceSettings):
    """Which venue mirrors the book, and how patiently.

    Attributes:
        venue: name of a built-in or installed venue, or path/to/file.py:Class.
        venue_mode: `off`; `dry_run` says what would be sent; `live` sends, once it is armed for the day as well.
        venue_sources: formats of the live feed, as `ChainSnapshot.source` names them; anything else is a simulation
            and never leaves the house.
        venue_timeout_s: longest wait for an answer.
        venue_min_interval_s: least pause between two calls.
        venue_settle_s: how long a call without an answer may still arrive.
        venue_retry_s, venue_retry_max_s: first and longest pause between two attempts at an exit.
        venue_breaker_failures, venue_breaker_s: failures in a row that hold entries back, and for how long.
        venue_max_age_s: an intent older than this opens nothing.
    """

    aliases: ClassVar[Mapping[str, str]] = MappingProxyType(
        {f"venue_{name}": f"{_SECTION}TRADETRON_{name.upper()}" for name in _FORMERLY}
    )
    left_to_others: ClassVar[tuple[str, ...]] = tuple(
        f"{_SECTION}{found.parent.name.upper()}_" for found in sorted(Path(__file__).parent.glob("*/settings.py"))
    )

    venue: str = Field(default="tradetron", min_length=1)
    venue_mode: Literal["off", "dry_run", "live"] = "off"
    venue_sources: tuple[str, ...] = ()
    venue_timeout_s: float = Field(default=5.0, gt=0.0, le=60.0)
    venue_min_interval_s: float = Field(default=1.0, ge=0.0)
    venue_settle_s: float = Field(default=10.0, ge=0.0)
    venue_retry_s: float = Field(default=1.0, gt=0.0)
    venue_retry_max_s: float = Field(default=15.0, gt=0.0)
    venue_breaker_failures: int = Field(default=3, ge=1)
    venue_breaker_s: float = Field(default=30.0, gt=0.0)
    venue_max_age_s: float = Field(default=180.0, gt=0.0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.venue_mode != "live":
            return self
        if not self.venue_sources:
            raise ValueError("expected VENUE_SOURCES to name the live feed with VENUE_MODE live, got none")
        if self.venue_settle_s < self.venue_timeout_s:
            raise ValueError(
                f"expected VENUE_SETTLE_S of at least VENUE_TIMEOUT_S, got {self.venue_settle_s:g} s "
                f"and {self.venue_timeout_s:g} s"
            )
        return self
