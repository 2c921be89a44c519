"""Turns what the book wants into calls on the venue, one at a time, each guarded and written down before it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from services.executor.settings import ExecutorSettings
from services.executor.venues.outbox import Abandoned, Outbox
from services.executor.venues.pace import VenuePace, seldom
from services.executor.venues.port import SignalVenue, VenueAnswer, VenueOutcome
from services.executor.venues.write import STORED, Write, WriteState
from shared.clock import MAX_AHEAD_NS, NS_PER_SECOND, Clock, ist_date, steady_ns
from shared.errors import NotArmedError
from shared.events import Intent, Severity, VenueTarget
from shared.market.calendar import Session

Say = Callable[[Severity, str, str], None]
"""Severity, code, text: an alert."""

Note = Callable[[str, Mapping[str, Any]], None]
"""Kind and fields: a line of the audit log."""

FaultHook = Callable[[str], None]
"""Called at named points; tests end the process there."""


class Dispatcher:
    """Mirrors one book on a venue.

    Args:
        outbox: what was written and what is due.
        venue: where to.
        settings: sources, ages, pace.
        clock: the machine's.
        session: of the exchange at a moment.
        armed: raises NotArmedError unless live trading is confirmed for the day of a moment.
        say: raises an alert.
        note: writes the audit log.
        fault: see FaultHook.
    """

    def __init__(
        self,
        outbox: Outbox,
        venue: SignalVenue,
        settings: ExecutorSettings,
        clock: Clock,
        *,
        session: Callable[[int], Session | None],
        armed: Callable[[int], object],
        say: Say,
        note: Note,
        fault: FaultHook | None = None,
    ) -> None:
        self.outbox = outbox
        self.active = False
        """Whether a live intent of today, or the kill file, has been seen.

        Before that nothing leaves the house but a 0 that the journal knows to be sent and not to be stored.
        """
        self._venue = venue
        self._settings = settings
        self._clock = clock
        self._session = session
        self._armed = armed
        self._say = say
        self._note = note
        self._fault = fault if fault is not None else _no_fault
        self._intent: Intent | None = None
        self._refused = ""
        self._untimely: Intent | None = None
        self._steady_ns = steady_ns(clock)
        self._unwritten: Counter[str] = Counter()
        self._pace = VenuePace(
            interval_ns=int(settings.venue_min_interval_s * NS_PER_SECOND),
            failures=settings.venue_breaker_failures,
            open_ns=int(settings.venue_breaker_s * NS_PER_SECOND),
        )

    def apply(self, intent: Intent) -> bool:
        """Take the book's newest word, unless it is a simulation's; say whether it was taken.

        Of one whose time does not fit this clock only the 0s count: nothing is entered on it, what it gives up is taken
        back, and the rest is looked at again until a newer word comes.
        """
        if intent.source not in self._settings.venue_sources:
            self._refuse("source", f"source {intent.source!r} is not the live feed: nothing of it is sent")
            return False
        untimely = self._not_of_now(intent)
        if untimely:
            self._refuse("time", f"{untimely}: its 0s are sent, the rest waits")
            self._untimely = intent
            self.active = True
            self.outbox.release(intent.targets)
            return False
        self._refused, self._untimely = "", None
        self._intent = intent
        self.active = True
        self.outbox.want(intent.day, intent.targets, halted=intent.halted)
        return True

    def kill(self, why: str) -> None:
        """Want nothing any more and write 0 everywhere, also before any intent was seen."""
        first = not self.outbox.killed
        self.active = True
        self.outbox.kill(range(1, self._settings.venue_variables + 1))
        if first:
            self._note_if_possible("kill_switch", {"book": self.outbox.book, "why": why})

    def revive(self, why: str) -> None:
        """Apply the book's intents again."""
        if self.outbox.killed:
            self.outbox.revive()
            self._note_if_possible("kill_switch_lifted", {"book": self.outbox.book, "why": why})

    def turn(self) -> bool:
        """Do the next thing that is due, at most one call; say whether there was any."""
        if self._untimely is not None and not self._not_of_now(self._untimely):
            self.apply(self._untimely)
        # Pauses go by a clock that nobody sets, ages and validity by the one that everybody reads.
        now = self._steady_ns()
        if not self._pace.may_call(now):
            return False
        if self.active:
            step = self.outbox.due(now, self._entry_refusal, self._clock.now_ns())
        else:
            step = self.outbox.due_again(now)
        if step is None:
            return False
        if isinstance(step, Abandoned):
            self._give_up(step)
        else:
            self._call(step, now)
        return True

    def held(self) -> Mapping[int, Write]:
        """Give the newest write per variable."""
        return self.outbox.held()

    def _refuse(self, why: str, text: str) -> None:
        if why != self._refused:
            self._refused = why
            self._say(Severity.WARNING, "venue_refused", text)

    def _not_of_now(self, intent: Intent) -> str:
        """Say why the intent's time does not fit this machine's clock; empty when it does."""
        now = self._clock.now_ns()
        if intent.day != ist_date(now).isoformat():
            return f"an intent of {intent.day} is not of today"
        ahead = intent.header.ts - now
        return f"an intent is {ahead / NS_PER_SECOND:.0f} s ahead of this clock" if ahead > MAX_AHEAD_NS else ""

    def _entry_refusal(self, target: VenueTarget) -> str | None:
        now = self._clock.now_ns()
        session = self._session(now)
        if session is None or now == session.close_ns or not session.trades_at(now):
            return "outside the session"
        if self._intent is None:
            return f"the word for {target.signal_id} was not heard in this process"
        age = (now - self._intent.header.ts) / NS_PER_SECOND
        if age > self._settings.venue_max_age_s:
            return f"the book's word is {age:.0f} s old"
        try:
            self._armed(now)
        except NotArmedError as error:
            return str(error)
        return "" if self._pace.is_open(self._steady_ns()) else None

    def _give_up(self, step: Abandoned) -> None:
        target = step.target
        text = f"{target.contract} of {target.signal_id} stays on paper: {step.text}"
        words = {"book": self.outbox.book, "signal_id": target.signal_id, "why": step.text}
        self._note_if_possible("venue_entry_given_up", words)
        self._say(Severity.CRITICAL, "venue_entry_given_up", text)

    def _call(self, write: Write, now: int) -> None:
        self._fault("due")
        try:
            sent = self.outbox.send(write, now)
        except OSError as error:
            # An entry. It is asked for again while it is valid, and every 0 goes before it.
            self._pace.called(now)
            self._tell_unwritten("journal_not_written", f"{write.why} is held back: {error}")
            return
        self._tell_unrecorded(sent)
        self._fault("journalled")
        request = self._venue.request_text(sent)
        trouble = self._note_if_possible("venue_request", {**_fields(sent), "request": request})
        self._fault("noted")
        if trouble and sent.value:
            # Getting out comes before the record; getting in does not.
            answer = VenueAnswer(VenueOutcome.FAILED, f"not sent, as the audit log cannot be written: {trouble}")
        else:
            answer = self._venue.store(sent)
        self._fault("answered")
        done = self.outbox.answered(sent, WriteState(answer.outcome), answer.text, self._steady_ns())
        self._tell_unrecorded(done)
        self._fault("settled")
        self._note_if_possible("venue_answer", {**_fields(done), "response": answer.text})
        ended = self._steady_ns()
        self._pace.called(ended)
        opened = self._pace.ended(ended, well=done.state in STORED)
        self._tell(done, request, opened=opened)

    def _note_if_possible(self, kind: str, words: Mapping[str, Any]) -> str:
        """Write an audit line; give why it could not be written, or nothing."""
        try:
            self._note(kind, words)
        except OSError as error:
            self._tell_unwritten("audit_not_written", f"{kind}: {error}")
            return str(error)
        self._unwritten["audit_not_written"] = 0
        return ""

    def _tell_unrecorded(self, write: Write) -> None:
        if self.outbox.unrecorded:
            text = f"{write.value:+d} of variable {write.variable} ({write.state.value}): {self.outbox.unrecorded}"
            self._tell_unwritten("journal_not_written", text)
        else:
            self._unwritten["journal_not_written"] = 0

    def _tell_unwritten(self, code: str, text: str) -> None:
        self._unwritten[code] += 1
        if seldom(self._unwritten[code]):
            self._say(Severity.CRITICAL, code, text)

    def _tell(self, done: Write, request: str, *, opened: bool) -> None:
        words = f"{request}: {done.state.value} after {done.attempts} attempts, {done.answer}"
        if done.state is WriteState.CONFIRMED:
            self._say(Severity.INFO, "venue_stored", words)
        elif done.state is WriteState.ACCEPTED:
            self._tell_accepted(done, words)
        elif done.value:
            self._say(Severity.CRITICAL, "venue_entry_given_up", f"{words}; 0 is written instead")
        elif seldom(done.attempts):
            self._say(Severity.CRITICAL, "venue_exit_not_stored", f"{words}; it goes out again until it is stored")
        if opened:
            self._say(Severity.CRITICAL, "venue_breaker_open", "entries are held back; exits go on")

    def _tell_accepted(self, done: Write, words: str) -> None:
        confirm = "`thetaflow venue test` asks what the venue's answer means"
        if done.value:
            self._say(Severity.WARNING, "venue_answer_unclear", f"{words}; it counts as stored; {confirm}")
        elif seldom(done.attempts):
            self._say(Severity.WARNING, "venue_answer_unclear", f"{words}; 0 goes out again now and then; {confirm}")


def _fields(write: Write) -> dict[str, Any]:
    target = write.target
    return {
        "book": write.book,
        "variable": write.variable,
        "fence": write.fence,
        "value": write.value,
        "state": write.state.value,
        "attempts": write.attempts,
        "why": write.why,
        "signal_id": "" if target is None else target.signal_id,
        "order_id": "" if target is None else target.order_id,
    }


def _no_fault(_point: str) -> None:
    return
