"""Settings of the alert service: THETAFLOW_ALERTS_*."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.events import Severity
from shared.events.topology import SERVICES
from shared.settings import ServiceSettings


class AlertSettings(ServiceSettings):
    """Who is told what, when, and how often.

    Addresses are those of apprise (https://appriseit.com/services/), separated by spaces or lines: a mail account, a
    chat, a push service. They hold tokens and are shown nowhere.

    Attributes:
        critical_to, warning_to, info_to: addresses that alerts of this severity go to; without any, nobody is told.
        heartbeat_to: addresses of the daily heartbeat; those of critical alerts without any.
        heartbeat_at: time of day in India at which a person is told, every day, that alerts work and how things stand.
            The day it does not come, look.
        quiet_from, quiet_to: between these times of day in India only critical alerts and the heartbeat go out; the rest
            follows at their end. Both or neither.
        dedupe_s: an alert that says the same as one before, within so many seconds, is counted and told when they are over.
        per_minute: messages to one address that are not critical, per minute; what is more waits and goes out together.
        retry_s, retry_max_s: first and longest pause after an address did not take a message.
        timeout_s: longest wait for an address to take one.
        directory: of the queue that outlives the process.
        spools: files in which processes leave alerts for the case that there is no broker.
        expect: services whose heartbeat must be on the broker; a name that is left out may be missing.
        silence_s: a service whose heartbeat is missing for longer is told of.
        broker_away_s: a broker that does not answer for longer is told of.
        least_free_mib: a disk (of the queue or a spool) with less room is told of; 0 looks at none.
        poll_s: seconds between looks.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_ALERTS_")

    critical_to: SecretStr | None = None
    warning_to: SecretStr | None = None
    info_to: SecretStr | None = None
    heartbeat_to: SecretStr | None = None
    heartbeat_at: time = time(9, 20)
    quiet_from: time | None = None
    quiet_to: time | None = None
    dedupe_s: float = Field(default=900.0, ge=0.0, le=86_400.0)
    per_minute: int = Field(default=4, ge=1, le=60)
    retry_s: float = Field(default=2.0, gt=0.0, le=600.0)
    retry_max_s: float = Field(default=60.0, gt=0.0, le=3_600.0)
    timeout_s: float = Field(default=10.0, gt=0.0, le=60.0)
    directory: Path = Path("data/alerts")
    spools: tuple[Path, ...] = ()
    expect: tuple[str, ...] = tuple(row.name for row in SERVICES if row.name != "alerts")
    silence_s: float = Field(default=45.0, gt=0.0, le=3_600.0)
    broker_away_s: float = Field(default=3.0, ge=0.0, le=3_600.0)
    least_free_mib: int = Field(default=200, ge=0)
    poll_s: float = Field(default=0.25, gt=0.0, le=10.0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("expected QUIET_FROM and QUIET_TO, both or neither")
        if self.retry_max_s < self.retry_s:
            raise ValueError(
                f"expected RETRY_MAX_S of at least RETRY_S, got {self.retry_max_s:g} s and {self.retry_s:g} s"
            )
        return self

    def addresses(self, severity: Severity) -> tuple[str, ...]:
        """Give the addresses of a severity; they are secrets."""
        return _split(
            {Severity.CRITICAL: self.critical_to, Severity.WARNING: self.warning_to}.get(severity, self.info_to)
        )

    def heartbeat_addresses(self) -> tuple[str, ...]:
        """Give the addresses of the daily heartbeat; they are secrets."""
        return _split(self.heartbeat_to) or _split(self.critical_to)


def _split(given: SecretStr | None) -> tuple[str, ...]:
    return () if given is None else tuple(dict.fromkeys(given.get_secret_value().split()))
