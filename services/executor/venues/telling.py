"""Says what leaves the house and what the venue is believed to hold, at every change and now and then without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import structs

from services.executor.venues.mirror import VenueMirror
from services.executor.venues.write import STORED, Write, WriteState
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, Clock
from shared.errors import NotArmedError
from shared.events import Header, HeldValue, VenueMode, VenueState

_AGAIN_NS: Final = NS_PER_MINUTE
_LOOK_NS: Final = NS_PER_SECOND


class VenueTelling:
    """Follows the mirror of one book.

    Args:
        book: key of the events.
        mode: of the settings.
        venue: name.
        mirror: of the book; None with OFF.
        armed: raises NotArmedError unless entries may be sent on the day of a moment.
        clock: stamps the events.
    """

    def __init__(
        self,
        book: str,
        mode: VenueMode,
        venue: str,
        mirror: VenueMirror | None,
        armed: Callable[[int], object],
        clock: Clock,
    ) -> None:
        self._book = book
        self._mode = mode
        self._venue = "" if mode is VenueMode.OFF else venue
        self._mirror = mirror
        self._armed = armed
        self._clock = clock
        self._stored: dict[int, Write] = {}
        self._told: VenueState | None = None
        self._look_again_ns = 0

    def word(self, *, killed: bool) -> VenueState | None:
        """Give what is to be told now, if there is anything new or it was not said for a minute."""
        now = self._clock.now_ns()
        if now < self._look_again_ns:
            return None
        self._look_again_ns = now + _LOOK_NS
        reason = self._refusal(now, killed=killed)
        header = Header.root(
            book=self._book, ts=now, seq=0, producer="executor", suffix=f"venue-state-{now % NS_PER_SECOND:09d}"
        )
        state = VenueState(
            header=header,
            mode=self._mode,
            venue=self._venue,
            armed=self._mode is VenueMode.LIVE and not reason,
            reason=reason,
            killed=killed,
            held=self._held(),
        )
        told = self._told
        if told is not None and now - told.header.ts < _AGAIN_NS and structs.replace(state, header=told.header) == told:
            return None
        self._told = state
        return state

    def _refusal(self, now: int, *, killed: bool) -> str:
        if self._mode is not VenueMode.LIVE:
            return ""
        if killed:
            return "the kill file is there"
        try:
            self._armed(now)
        except NotArmedError as error:
            return str(error)
        return ""

    def _held(self) -> tuple[HeldValue, ...]:
        found: list[HeldValue] = []
        for variable, write in sorted({} if self._mirror is None else self._mirror.held().items()):
            stored = self._note(variable, write)
            doubtful = None if write.state is WriteState.CONFIRMED else write
            target = None if stored is None else stored.target
            found.append(
                HeldValue(
                    variable=variable,
                    value=None if stored is None else stored.value,
                    since=None if stored is None else stored.sent_ns,
                    signal_id="" if target is None else target.signal_id,
                    contract="" if target is None or target.contract is None else str(target.contract),
                    unconfirmed=None if doubtful is None else doubtful.value,
                    unconfirmed_since=None if doubtful is None else doubtful.sent_ns,
                    unconfirmed_state="" if doubtful is None else doubtful.state.value,
                )
            )
        return tuple(found)

    def _note(self, variable: int, write: Write) -> Write | None:
        """Remember what was stored last; a repeat of the same write does not begin anew."""
        before = self._stored.get(variable)
        if write.state in STORED and (before is None or before.fence != write.fence):
            self._stored[variable] = write
        return self._stored.get(variable)
