"""A signal venue whose secret is not there yet: exits wait for it, and the executor goes on watching."""

from __future__ import annotations

from collections.abc import Callable

from services.executor.venues.port import SignalVenue, VenueAnswer, VenueOutcome
from services.executor.venues.write import Write
from shared.errors import ConfigError


class LateVenue:
    """Opens the venue with the first write that it can be opened for; until then nothing is sent and each write says why.

    Args:
        texts: the same venue without its secret, for what would be sent.
        open_venue: opens it; raises ConfigError while the secret is not there.
    """

    def __init__(self, texts: SignalVenue, open_venue: Callable[[], SignalVenue]) -> None:
        self._texts = texts
        self._open_venue = open_venue
        self._opened: SignalVenue | None = None

    def request_text(self, write: Write) -> str:
        """Say what is sent for a write."""
        return self._texts.request_text(write)

    def store(self, write: Write) -> VenueAnswer:
        """Store a write's values if the venue can be opened; FAILED while it cannot."""
        if self._opened is None:
            try:
                self._opened = self._open_venue()
            except ConfigError as error:
                return VenueAnswer(VenueOutcome.FAILED, f"not sent: {error}")
        return self._opened.store(write)

    def close(self) -> None:
        """Give connections up."""
        self._texts.close()
        if self._opened is not None:
            self._opened.close()
