"""What is believed to be held outside: the newest write that was stored, and beside it what is not confirmed."""

from __future__ import annotations

from collections.abc import Mapping

from services.executor.venues.telling import VenueTelling
from services.executor.venues.write import Write, WriteState
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns
from shared.errors import NotArmedError
from shared.events import Intent, VenueMode, VenueState, VenueTarget, sold
from tests.builders import contract

TEN = ist_ns(2026, 8, 4, 10)
ENTRY = VenueTarget(variable=1, direction=1, signal_id="s1", legs=sold(contract(24500.0)))


class Mirror:
    """A mirror whose writes the test sets."""

    def __init__(self) -> None:
        self.writes: dict[int, Write] = {}

    def apply(self, intent: Intent) -> bool:
        return intent.halted

    def kill(self, why: str) -> None:
        del why

    def revive(self, why: str) -> None:
        del why

    def turn(self) -> bool:
        return False

    def held(self) -> Mapping[int, Write]:
        return self.writes


class Desk:
    def __init__(self, mode: VenueMode = VenueMode.LIVE) -> None:
        self.clock, self.mirror, self.refusal = ManualClock(TEN), Mirror(), ""
        self.telling = VenueTelling("nifty", mode, "tradetron", self.mirror, self._armed, self.clock)

    def _armed(self, ns: int) -> None:
        if self.refusal:
            raise NotArmedError(f"{self.refusal} at {ns}")

    def write(self, value: int, state: WriteState, fence: int) -> None:
        target = ENTRY if value else None
        self.mirror.writes[1] = Write(
            book="nifty", variable=1, fence=fence, value=value, why="", target=target, state=state,
            sent_ns=self.clock.now_ns(),
        )  # fmt: skip

    def later(self, seconds: int = 2, *, killed: bool = False) -> VenueState | None:
        self.clock.advance(seconds * NS_PER_SECOND)
        return self.telling.word(killed=killed)


def test_an_entry_without_an_answer_stands_beside_what_was_stored_and_replaces_it_when_confirmed():
    desk = Desk()
    desk.write(0, WriteState.CONFIRMED, 1)
    first = desk.later()
    assert first is not None
    assert (first.mode, first.venue, first.armed) == (VenueMode.LIVE, "tradetron", True)
    assert [(one.value, one.since, one.unconfirmed) for one in first.held] == [(0, TEN, None)]
    sent_at = desk.clock.now_ns()
    desk.write(1, WriteState.UNKNOWN, 2)
    doubtful = desk.later()
    assert doubtful is not None
    (held,) = doubtful.held
    assert (held.value, held.since, held.contract) == (0, TEN, "")
    assert (held.unconfirmed, held.unconfirmed_state, held.unconfirmed_since) == (1, "unknown", sent_at)
    stored_at = desk.clock.now_ns()
    desk.write(1, WriteState.CONFIRMED, 2)
    stored = desk.later()
    assert stored is not None
    (held,) = stored.held
    assert (held.value, held.since, held.signal_id, held.unconfirmed) == (1, stored_at, "s1", None)
    assert "24500" in held.contract


def test_after_a_restart_on_an_unanswered_write_nobody_knows_what_is_held():
    desk = Desk()
    desk.write(1, WriteState.UNKNOWN, 7)
    word = desk.later()
    assert word is not None
    assert [(one.value, one.unconfirmed) for one in word.held] == [(None, 1)]


def test_it_speaks_at_every_change_of_the_arming_and_each_minute_without_one():
    desk = Desk()
    assert desk.later() is not None
    assert desk.later() is None
    desk.refusal = "nobody armed the day"
    unarmed = desk.later()
    assert unarmed is not None
    assert (unarmed.armed, unarmed.reason[:20]) == (False, "nobody armed the day")
    killed = desk.later(killed=True)
    assert killed is not None
    assert (killed.killed, killed.reason) == (True, "the kill file is there")
    assert [desk.later(20, killed=True) is None for _ in range(3)] == [True, True, False]


def test_on_paper_nothing_is_held_and_nobody_asks_for_the_arming():
    desk = Desk(VenueMode.OFF)
    desk.refusal = "never asked"
    word = desk.later()
    assert word is not None
    assert (word.mode, word.venue, word.armed, word.reason, word.held) == (VenueMode.OFF, "", False, "", ())
