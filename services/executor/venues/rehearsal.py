"""What a venue must be in a rehearsal: one on this machine, with the token that is none."""

from __future__ import annotations

from typing import Final

from services.executor.settings import ExecutorSettings
from services.executor.venues.registry import VenueChoice
from services.executor.venues.tradetron.settings import TradetronSettings
from shared.errors import ConfigError
from shared.rehearsal import TOKEN, check_loopback

STAND_IN: Final = "tradetron"
"""Name of the venue a rehearsal plays."""


def stand_in_environ(url: str) -> dict[str, str]:
    """Give the settings that send signals live to the stand-in at `url`."""
    return {
        "THETAFLOW_EXECUTOR_VENUE": STAND_IN,
        "THETAFLOW_EXECUTOR_VENUE_MODE": "live",
        "THETAFLOW_EXECUTOR_TRADETRON_TOKEN": TOKEN,
        "THETAFLOW_EXECUTOR_TRADETRON_URL": url,
    }


def check_rehearsal(settings: ExecutorSettings, venue: VenueChoice) -> None:
    """Refuse every venue a rehearsal could do harm on.

    Raises:
        ConfigError: the venue is not known to stay on this machine, or it was given a token of its own.
    """
    own = venue.settings
    if isinstance(own, TradetronSettings):
        if own.token is not None and own.token.get_secret_value() != TOKEN:
            raise ConfigError(
                f"THETAFLOW_EXECUTOR_TRADETRON_TOKEN: expected none or {TOKEN!r} in a rehearsal, got a value not shown here"
            )
        if settings.venue_mode != "off":
            check_loopback("THETAFLOW_EXECUTOR_TRADETRON_URL", own.url)
    elif settings.venue_mode != "off":
        raise ConfigError(f"THETAFLOW_EXECUTOR_VENUE: expected {STAND_IN} in a rehearsal, got {venue.name!r}")
