"""What a venue can do for the executor.

A **signal venue** keeps a value per variable and trades on its own: the executor writes what it should hold. It answers
in three ways, because a network has three: it was done, it was surely not done, or nobody knows. It does not raise for
what the network or the venue does, and no text of it holds a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from services.executor.venues.outbox import Write
from shared.settings import ServiceSettings


class VenueOutcome(StrEnum):
    """What a call came to. UNKNOWN: it may have been done, or may still be."""

    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VenueAnswer:
    """What a call came to; `text` holds the venue's words without any secret."""

    outcome: VenueOutcome
    text: str


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """What the executor tells every venue.

    Attributes:
        book: whose positions it will be told.
        timeout_s: longest wait for an answer, seconds.
        sends: False for a dry run, which only asks for texts: a missing secret is then no fault.
    """

    book: str
    timeout_s: float
    sends: bool


@runtime_checkable
class SignalVenue(Protocol):
    """Keeps a value per variable: a write replaces the value, and nothing tells what was traded on it."""

    def request_text(self, write: Write) -> str:
        """Say what is sent for a write, without any secret."""
        ...

    def store(self, write: Write) -> VenueAnswer:
        """Store a write's values; never raises for what the network or the venue does.

        CONFIRMED means stored. The caller repeats a write under the same fence: storing it twice must do no harm.
        """
        ...

    def close(self) -> None:
        """Give connections up."""
        ...


class VenueType(Protocol):
    """What the registry holds: a class that makes a venue from its own settings and the executor's terms.

    Attributes:
        settings_class: its own settings, `ServiceSettings` for none. The prefix of a class from outside this code begins
            with THETAFLOW_VENUE_.
    """

    settings_class: ClassVar[type[ServiceSettings]]

    def __call__(self, settings: Any, terms: VenueTerms) -> SignalVenue:  # noqa: ANN401  # an instance of settings_class
        """Make the venue.

        Raises:
            ConfigError: something it needs to send is missing.
        """
        ...
