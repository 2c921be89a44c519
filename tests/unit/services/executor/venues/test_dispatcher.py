"""Nothing leaves the house but for a live book, in its session, armed for the day; exits are never held back."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from services.executor.settings import ExecutorSettings
from services.executor.venues.dispatcher import Dispatcher
from services.executor.venues.dry_run import DryRun
from services.executor.venues.mirror import DryRunMirror
from services.executor.venues.outbox import Outbox
from services.executor.venues.pace import retry_pause_ns
from services.executor.venues.port import VenueAnswer, VenueOutcome
from services.executor.venues.write import Write, WriteState
from shared.clock import NS_PER_SECOND, ManualClock, ist_date
from shared.errors import NotArmedError
from shared.events import Intent, Severity, VenueTarget, sold
from shared.market.calendar import TradingCalendar
from tests.builders import at, chain_header, contract

CALENDAR = TradingCalendar.load()
DAY = "2025-08-29"


class Shelf:
    """A venue that answers as told and keeps what it was given."""

    def __init__(self) -> None:
        self.answers: list[VenueOutcome] = []
        self.given: list[Write] = []

    def request_text(self, write: Write) -> str:
        return f"gap={write.value}"

    def store(self, write: Write) -> VenueAnswer:
        self.given.append(write)
        return VenueAnswer(self.answers.pop(0) if self.answers else VenueOutcome.CONFIRMED, "told")

    def close(self) -> None:
        """Nothing is open."""

    @property
    def values(self) -> list[int]:
        return [write.value for write in self.given]


class Desk:
    """A dispatcher with all it says and notes."""

    def __init__(self, ts: int = at(10, 0), **settings: object) -> None:
        self.clock: Any = ManualClock(ts)
        self.shelf = Shelf()
        self.alerts: list[tuple[Severity, str, str]] = []
        self.notes: list[str] = []
        self.armed = True
        self.settings = ExecutorSettings(venue_sources=("feed",), **settings)  # type: ignore[arg-type]
        self.use(self.clock)

    def use(self, clock: ManualClock) -> None:
        """Begin anew with a clock."""
        self.clock, chosen = clock, self.settings
        self.disk_full = self.note_full = False
        outbox = Outbox("nifty", self.record, settle_ns=10 * NS_PER_SECOND, retry_ns=retry_pause_ns(chosen))
        self.dispatcher = Dispatcher(
            outbox,
            self.shelf,
            chosen,
            self.clock,
            session=lambda ns: CALENDAR.session(ist_date(ns)),
            armed=self.check,
            say=lambda *alert: self.alerts.append(alert),
            note=self.note,
        )

    def check(self, _ns: int) -> None:
        if not self.armed:
            raise NotArmedError("not armed")

    def record(self, _write: Write) -> None:
        if self.disk_full:
            raise OSError(errno.ENOSPC, "No space left on device")

    def note(self, kind: str, _record: Mapping[str, Any]) -> None:
        if self.disk_full or self.note_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.notes.append(kind)

    def turn(self, seconds: float = 1.0) -> bool:
        self.clock.advance(int(seconds * NS_PER_SECOND))
        return self.dispatcher.turn()

    @property
    def codes(self) -> list[str]:
        return [code for _, code, _ in self.alerts]


def intent(
    direction: int = 1, *, ts: int = at(10, 0), day: str = DAY, source: str = "feed", signal: str = "s"
) -> Intent:
    target = VenueTarget(
        variable=1,
        direction=direction,
        order_id="o" if direction else "",
        signal_id=signal if direction else "",
        legs=sold(contract()) if direction else (),
        valid_until_ns=ts + 150 * NS_PER_SECOND,
    )
    return Intent(
        header=chain_header(1, ts).child("executor"), number=1, day=day, source=source, halted=False, targets=(target,)
    )


def trading() -> Desk:
    """A desk that holds +1."""
    desk = Desk()
    desk.dispatcher.apply(intent())
    desk.turn()
    desk.turn()
    assert desk.shelf.values == [0, 1]
    return desk


def test_a_days_first_word_sets_0_and_then_enters():
    assert trading().notes == ["venue_request", "venue_answer"] * 2


@pytest.mark.parametrize("foreign", [intent(source="replay"), intent(0, source="replay"), intent(source="")])
def test_a_simulations_word_is_refused_whatever_it_says_exits_included(foreign: Intent):
    desk = Desk()
    assert not desk.dispatcher.apply(foreign)
    assert not any(desk.turn() for _ in range(5))
    assert desk.shelf.given == []
    assert desk.codes == ["venue_refused"]


@pytest.mark.parametrize("untimely", [{"day": "2025-08-28"}, {"ts": at(10, 5)}])
def test_nothing_is_entered_on_a_word_of_another_time_and_what_it_holds_stays(untimely: dict[str, Any]):
    desk = Desk()
    assert not desk.dispatcher.apply(intent(**untimely))
    assert not any(desk.turn() for _ in range(5))
    assert desk.codes == ["venue_refused"]
    holding = trading()
    holding.dispatcher.apply(intent(**untimely))
    assert not holding.turn()
    assert holding.shelf.values == [0, 1]


@pytest.mark.parametrize(
    "untimely", [{"day": "2025-08-28"}, {"day": "2025-08-30"}, {"ts": at(10, 2)}, {"ts": at(12, 0)}]
)
def test_a_0_is_never_refused_for_its_time(untimely: dict[str, Any]):
    desk = trading()
    desk.dispatcher.apply(intent(0, **untimely))
    desk.turn()
    assert desk.shelf.values == [0, 1, 0]


def test_what_a_word_of_another_time_replaces_is_taken_back_and_entered_once_the_clocks_agree():
    desk = trading()
    later = at(10, 0, 0) + 150 * NS_PER_SECOND
    assert not desk.dispatcher.apply(intent(-1, ts=later, signal="t"))
    for _ in range(10):
        desk.turn()
    assert desk.shelf.values == [0, 1, 0]
    for _ in range(60):
        desk.turn()
    assert desk.shelf.values == [0, 1, 0, -1]


class SetBack(ManualClock):
    """A clock that a person sets."""

    def __init__(self, ts: int) -> None:
        super().__init__(ts)
        self.set_by = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.set_by


def test_a_clock_that_is_set_back_delays_no_exit():
    desk = Desk()
    desk.use(SetBack(at(10, 0)))
    desk.dispatcher.apply(intent())
    desk.turn()
    desk.turn()
    desk.shelf.answers = [VenueOutcome.UNKNOWN, VenueOutcome.UNKNOWN]
    desk.dispatcher.apply(intent(0))
    desk.turn()
    desk.clock.set_by = -3600 * NS_PER_SECOND
    for _ in range(5):
        desk.turn()
    assert desk.shelf.values == [0, 1, 0, 0, 0]


def test_a_journal_from_before_the_clock_was_set_back_delays_no_exit():
    ahead = at(11, 0)
    for state, value in ((WriteState.FAILED, 0), (WriteState.SENT, 1)):
        desk = Desk()
        write = Write(
            book="nifty", variable=1, fence=2, value=value, why="test", state=state, sent_ns=ahead, settled_ns=ahead
        )
        desk.dispatcher.outbox.recover([write], now_ns=at(10, 0))
        desk.dispatcher.apply(intent(0))
        for _ in range(12):
            desk.turn()
        assert desk.shelf.values == [0]


def test_a_simulation_beside_a_live_position_cannot_close_it():
    desk = trading()
    desk.dispatcher.apply(intent(0, source="replay"))
    assert not desk.turn()
    assert desk.shelf.values == [0, 1]


@pytest.mark.parametrize(("hour", "minute"), [(9, 0), (15, 31), (20, 0)])
def test_no_entry_off_hours(hour: int, minute: int):
    desk = Desk(at(hour, minute))
    desk.dispatcher.apply(intent(ts=at(hour, minute)))
    assert [desk.turn(), desk.turn(), desk.turn()] == [True, True, False]
    assert desk.shelf.values == [0]
    assert desk.codes[-1] == "venue_entry_given_up"


def test_no_entry_without_the_days_confirmation_but_exits_go_on():
    desk = trading()
    desk.armed = False
    desk.dispatcher.apply(intent(0))
    desk.turn()
    desk.dispatcher.apply(intent(signal="other"))
    desk.turn()
    assert desk.shelf.values == [0, 1, 0]


def test_no_entry_on_an_old_word():
    desk = Desk(at(10, 5))
    desk.dispatcher.apply(intent())
    desk.turn()
    desk.turn()
    assert desk.shelf.values == [0]


def test_an_exit_goes_out_after_hours_until_it_is_stored():
    desk = trading()
    desk.clock.move_to(at(15, 35))
    desk.shelf.answers = [VenueOutcome.UNKNOWN] * 6
    desk.dispatcher.apply(intent(0, ts=at(15, 30)))
    for _ in range(200):
        desk.turn()
    assert desk.shelf.values == [0, 1] + [0] * 7
    assert desk.codes.count("venue_exit_not_stored") == 3
    assert desk.alerts[-1][1] == "venue_stored"


def test_an_entry_whose_answer_is_unclear_is_given_up_and_one_that_is_only_accepted_counts_with_a_warning():
    for outcome, after in ((VenueOutcome.UNKNOWN, [0, 1, 0]), (VenueOutcome.ACCEPTED, [0, 1])):
        desk = Desk()
        desk.shelf.answers = [VenueOutcome.CONFIRMED, outcome]
        desk.dispatcher.apply(intent())
        for _ in range(15):
            desk.turn()
        assert desk.shelf.values == after
    assert desk.alerts[-1][:2] == (Severity.WARNING, "venue_answer_unclear")


def test_a_0_that_is_only_accepted_goes_out_again_with_pauses_that_grow_to_five_minutes():
    desk = trading()
    desk.shelf.answers = [VenueOutcome.ACCEPTED] * 1000
    desk.dispatcher.apply(intent(0))
    sent = [second for second in range(3600) if desk.turn()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-3:] == [300, 300, 300]
    assert desk.shelf.values[2:] == [0] * len(sent)
    assert 5 <= desk.codes.count("venue_answer_unclear") < 10


def test_an_entry_goes_out_over_a_0_that_is_only_accepted():
    desk = Desk()
    desk.shelf.answers = [VenueOutcome.ACCEPTED, VenueOutcome.ACCEPTED]
    desk.dispatcher.apply(intent())
    for _ in range(20):
        desk.turn()
    assert desk.shelf.values in ([0, 1], [0, 0, 1])
    assert desk.dispatcher.outbox.at_rest


def test_no_more_than_one_call_a_second():
    desk = Desk()
    desk.dispatcher.apply(intent())
    assert desk.turn(0.0)
    assert not desk.turn(0.4)
    assert not desk.turn(0.4)
    assert desk.turn(0.4)


def test_failures_in_a_row_hold_entries_back_and_never_exits():
    desk = Desk(venue_breaker_failures=2, venue_breaker_s=60.0)
    desk.shelf.answers = [VenueOutcome.FAILED] * 2
    desk.dispatcher.apply(intent())
    for _ in range(8):
        desk.turn()
    assert "venue_breaker_open" in desk.codes
    assert desk.shelf.values == [0, 0, 0, 1]


def test_the_kill_switch_works_before_any_word_and_beats_every_later_one():
    desk = trading()
    desk.dispatcher.kill("drill")
    desk.turn()
    desk.dispatcher.apply(intent(signal="new"))
    assert not desk.turn()
    assert desk.shelf.values == [0, 1, 0]
    assert "kill_switch" in desk.notes


def test_on_a_full_disk_every_exit_goes_out_and_is_told_of_and_no_entry_does():
    desk = trading()
    desk.disk_full = True
    desk.dispatcher.apply(intent(0))
    assert desk.turn()
    assert desk.shelf.values == [0, 1, 0]
    assert {"journal_not_written", "audit_not_written", "venue_stored"} <= set(desk.codes)
    desk.dispatcher.apply(intent(signal="t", ts=desk.clock.now_ns()))
    for _ in range(10):
        desk.turn()
    assert desk.shelf.values == [0, 1, 0]
    desk.disk_full = False
    desk.turn()
    assert desk.shelf.values == [0, 1, 0, 1]


def test_on_a_full_disk_the_kill_switch_works():
    desk = trading()
    desk.disk_full = True
    desk.dispatcher.kill("drill")
    desk.turn()
    assert desk.shelf.values == [0, 1, 0]
    desk.dispatcher.revive("the drill is over")


def test_an_entry_whose_audit_line_cannot_be_written_is_not_sent_and_0_follows():
    desk = Desk()
    desk.dispatcher.apply(intent())
    desk.turn()
    desk.note_full = True
    for _ in range(3):
        desk.turn()
    assert desk.shelf.values == [0, 0]
    assert "venue_entry_given_up" in desk.codes


def test_a_restart_sends_nothing_before_it_has_heard_a_live_word():
    desk = trading()
    again = Desk()
    again.dispatcher.outbox.recover([msgspec.structs.replace(desk.shelf.given[-1], state=WriteState.SENT)])
    assert not any(again.turn(20.0) for _ in range(3))
    again.dispatcher.apply(intent(0, ts=again.clock.now_ns()))
    assert again.turn()
    assert again.shelf.values == [0]


def test_a_restart_repeats_a_0_that_is_not_known_to_be_stored_and_nothing_else():
    zero = Write(book="nifty", variable=1, fence=2, value=0, why="test", state=WriteState.UNKNOWN)
    other = msgspec.structs.replace(zero, variable=2, state=WriteState.CONFIRMED)
    desk = Desk()
    desk.dispatcher.outbox.recover([zero, other])
    assert [desk.turn(20.0) for _ in range(3)] == [True, False, False]
    assert [(write.variable, write.value, write.fence) for write in desk.shelf.given] == [(1, 0, 2)]


def test_a_rehearsal_says_all_and_sends_nothing_at_any_hour():
    shown: list[str] = []
    outbox = Outbox("nifty", lambda _: None, settle_ns=0, retry_ns=lambda _: 0)
    rehearsal = DryRunMirror(outbox, DryRun(Shelf(), shown.append))
    rehearsal.apply(intent(0, source="replay"))
    rehearsal.apply(intent(source="replay"))
    rehearsal.apply(intent(0, source="replay"))
    assert [text.partition(" (")[0][-5:] for text in shown] == ["gap=0", "gap=1", "gap=0"]
    assert "kept" not in "".join(shown)
