"""A signal venue that stores nothing and says what another one would have been sent."""

from __future__ import annotations

from collections.abc import Callable

from services.executor.venues.port import SignalVenue, VenueAnswer, VenueOutcome
from services.executor.venues.write import Write


class DryRun:
    """Says what would be sent.

    Args:
        venue: whose words are shown; nothing is sent to it.
        show: takes them.
    """

    def __init__(self, venue: SignalVenue, show: Callable[[str], None]) -> None:
        self._venue = venue
        self._show = show

    def request_text(self, write: Write) -> str:
        """Say what would be sent for a write."""
        return self._venue.request_text(write)

    def store(self, write: Write) -> VenueAnswer:
        """Show a write."""
        self._show(f"would send {self.request_text(write)} ({write.why})")
        return VenueAnswer(VenueOutcome.CONFIRMED, "dry run, nothing was sent")

    def close(self) -> None:
        """Give the other venue's connections up."""
        self._venue.close()
