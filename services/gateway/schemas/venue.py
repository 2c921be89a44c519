"""What leaves the house, as the executor last said. Times are ISO 8601 in IST."""

from __future__ import annotations

from typing import Literal, Self

from services.gateway.schemas.events import Answer
from shared.events import HeldValue, VenueState
from shared.text.formatting import iso_text


class HeldAnswer(Answer):
    """One variable of the venue: the value it is believed to hold, since when, and what newer write is not confirmed.

    `value` is None when nobody knows; `unconfirmed` is None when there is nothing to doubt.
    """

    variable: int
    value: int | None
    since: str | None
    signal_id: str
    contract: str
    unconfirmed: int | None
    unconfirmed_since: str | None
    unconfirmed_state: str

    @classmethod
    def of(cls, held: HeldValue) -> Self:
        """Show a variable."""
        return cls(
            variable=held.variable,
            value=held.value,
            since=None if held.since is None else iso_text(held.since),
            signal_id=held.signal_id,
            contract=held.contract,
            unconfirmed=held.unconfirmed,
            unconfirmed_since=None if held.unconfirmed_since is None else iso_text(held.unconfirmed_since),
            unconfirmed_state=held.unconfirmed_state,
        )


class VenueStateAnswer(Answer):
    """What the executor does with the book's decisions, by its own settings and the day's arming."""

    mode: Literal["off", "dry_run", "live"]
    venue: str
    armed: bool
    reason: str
    killed: bool
    told_at: str
    held: tuple[HeldAnswer, ...]

    @classmethod
    def of(cls, event: VenueState) -> Self:
        """Show an event."""
        return cls(
            mode=event.mode.value,
            venue=event.venue,
            armed=event.armed,
            reason=event.reason,
            killed=event.killed,
            told_at=iso_text(event.header.ts),
            held=tuple(map(HeldAnswer.of, event.held)),
        )
