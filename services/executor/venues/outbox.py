"""What is written to a venue that keeps a value per variable, and when: entries at most once, exits until they are stored.

The venue has neither transactions nor fills: a write replaces the value, its answer says stored or nothing. So each variable
has one write at a time under a fence that only grows, and

* an entry is written only over a stored 0, only while it is valid, and never twice: whatever is not confirmed as stored
  is given up, and 0 is written instead, because a missed trade is cheaper than an unwatched one;
* 0 is written until it is known to be stored, however often it takes. An answer that only seems to say so (ACCEPTED) lets
  an entry follow, and the 0 is repeated all the same;
* a write that was sent and not answered may still arrive. Until `settle_ns` have passed, no other value is written over
  it, so a late one can never overtake a newer one.

Pure: time and answers are passed in, and `record` puts each change on disk before anything is sent. A 0 does not wait for a
disk that takes nothing: it is free to repeat, and whoever starts without its record writes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from services.executor.venues.write import STORED, UNANSWERED, Write, WriteState
from shared.events import VenueTarget


class _Variable:
    """One variable of the venue, as far as we know it."""

    def __init__(self, number: int) -> None:
        self.last: Write | None = None
        self.target = VenueTarget(variable=number, direction=0)
        self.reset_due = ""
        self.settled_ns = 0


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An entry that will not be sent, or not again, and why."""

    target: VenueTarget
    text: str


class Outbox:
    """The writes of one book.

    Args:
        book: key.
        record: puts a write on disk, or raises OSError; no entry is sent before it returns.
        settle_ns: how long an unanswered write may still arrive.
        retry_ns: pause after an attempt at a 0 that is not known to be stored.
    """

    def __init__(
        self, book: str, record: Callable[[Write], None], *, settle_ns: int, retry_ns: Callable[[Write], int]
    ) -> None:
        self.book = book
        self.killed = False
        self.day = ""
        self.unrecorded = ""
        """Why the newest write is not on disk; empty when it is."""
        self._record = record
        self._settle_ns = settle_ns
        self._retry_ns = retry_ns
        self._variables: dict[int, _Variable] = {}
        self._fence = 0
        self._entered: set[str] = set()
        self._given_up: set[str] = set()
        self._halted = False
        self._doubted = False

    # --- what is known ------------------------------------------------------------------------------------------

    def recover(self, writes: Iterable[Write], *, damaged: bool = False, now_ns: int | None = None) -> list[Write]:
        """Take up what was on disk; give the writes nobody knows the end of, UNKNOWN from now on.

        Args:
            writes: oldest first.
            damaged: some could not be read. Then nobody knows what was entered: whatever the book wants and is not known
                to be stored is given up, and 0 is written.
            now_ns: the clock. What is stamped after it was written before the clock was set back: nothing waits for that.
        """
        for write in writes:
            self._remember(write if now_ns is None else self._not_ahead(write, now_ns))
        self._doubted = damaged
        unanswered = [
            variable.last
            for variable in self._variables.values()
            if variable.last and variable.last.state is WriteState.SENT
        ]
        words = "the process ended before the answer"
        return [self._become(write, WriteState.UNKNOWN, words, write.sent_ns) for write in unanswered]

    def held(self) -> dict[int, Write]:
        """Newest write per variable."""
        return {number: variable.last for number, variable in self._variables.items() if variable.last is not None}

    def wanted(self, variable: int) -> int:
        """What the variable should hold in the end: the book's word, unless its entry was given up."""
        found = self._variables.get(variable)
        return 0 if found is None else self._want(found)

    @property
    def at_rest(self) -> bool:
        """Whether every variable holds what it should, as far as the venue says so, and nothing is on its way."""
        return all(
            variable.last is not None
            and variable.last.state in STORED
            and variable.last.value == self._want(variable)
            and not variable.reset_due
            for variable in self._variables.values()
        )

    # --- what is wanted -----------------------------------------------------------------------------------------

    def want(self, day: str, targets: Iterable[VenueTarget], *, halted: bool) -> None:
        """Take the book's newest word; the first of a day and a halt set every variable back to 0.

        Not one that holds what the book still holds: a position carried over night, or kept while nothing new is opened.
        """
        for target in targets:
            variable = self._variables.setdefault(target.variable, _Variable(target.variable))
            variable.target = target
            if self._holds_as_wanted(variable):
                continue
            if self._doubted:
                variable.reset_due = "the journal was damaged"
                self._given_up.update({target.signal_id} - {""})
            elif day != self.day:
                variable.reset_due = f"start of {day}"
            elif halted and not self._halted:
                variable.reset_due = "halt"
        self.day, self._halted, self._doubted = day, halted, False

    def release(self, targets: Iterable[VenueTarget]) -> None:
        """Take back what these targets no longer hold, whenever they are from, and enter nothing of them."""
        for target in targets:
            variable = self._variables.setdefault(target.variable, _Variable(target.variable))
            last = variable.last
            entered = last.target.signal_id if last is not None and last.value and last.target is not None else ""
            keeps = bool(entered) and entered == target.signal_id
            variable.target = target if keeps else VenueTarget(variable=target.variable, direction=0)
            if last is None and target.direction == 0:
                variable.reset_due = "nothing is known of this variable"

    def kill(self, variables: Iterable[int] = ()) -> None:
        """Want nothing any more, in any variable, whatever the book says; in those named also when nothing is known of them."""
        if not self.killed:
            self.killed = True
            for number in variables:
                self._variables.setdefault(number, _Variable(number))
            for variable in self._variables.values():
                variable.reset_due = "kill switch"

    def revive(self) -> None:
        """Apply the book's intents again; entries of before stay given up."""
        self._given_up.update(
            variable.target.signal_id for variable in self._variables.values() if variable.target.signal_id
        )
        self.killed = False

    # --- what to do ---------------------------------------------------------------------------------------------

    def due(
        self, now_ns: int, refuse_entry: Callable[[VenueTarget], str | None], wall_ns: int | None = None
    ) -> Write | Abandoned | None:
        """Give the next write, an entry that is given up, or None when there is nothing to do now. Exits come first.

        Args:
            now_ns: a clock that nobody sets, for pauses and settling.
            refuse_entry: says why an entry must not be sent, "" when it cannot be sent just now, None when it may.
            wall_ns: the clock that an entry's validity is told in; `now_ns` when None.
        """
        entries: list[_Variable] = []
        for variable in self._variables.values():
            zero = self._zero_due(variable, now_ns)
            if zero is not None:
                return zero
            if self._entry_due(variable):
                entries.append(variable)
        for variable in entries:
            found = self._entry(variable, now_ns, now_ns if wall_ns is None else wall_ns, refuse_entry)
            if found is not None:
                return found
        return None

    def due_again(self, now_ns: int) -> Write | None:
        """Give a 0 that went out and is not known to be stored; it needs no word of the book."""
        lasts = (variable.last for variable in self._variables.values())
        return next((last for last in lasts if last and not last.value and self._repeat_due(last, now_ns)), None)

    def send(self, write: Write, now_ns: int) -> Write:
        """Note on disk that a write goes out now; only then may it, but for a 0. Gives it as SENT.

        Raises:
            OSError: an entry cannot be noted, and must not be sent.
            ValueError: it is not the variable's next write.
        """
        variable = self._variables[write.variable]
        if variable.last is not None and write.fence < variable.last.fence:
            raise ValueError(f"expected a fence from {variable.last.fence} on, got {write.fence}")
        sent = msgspec.structs.replace(
            write,
            state=WriteState.SENT,
            attempts=write.attempts + 1,
            sent_ns=now_ns,
            settled_ns=variable.settled_ns,
            day=self.day,
        )
        self._keep(sent, needed=bool(sent.value))
        self._remember(sent)
        variable.reset_due = ""
        return sent

    def answered(self, write: Write, state: WriteState, answer: str, now_ns: int) -> Write:
        """Note the end of an attempt: CONFIRMED, ACCEPTED, FAILED (surely not stored) or UNKNOWN, which settles from now on."""
        return self._become(write, state, answer, now_ns)

    # --- inside -------------------------------------------------------------------------------------------------

    def _remember(self, write: Write) -> None:
        variable = self._variables.setdefault(write.variable, _Variable(write.variable))
        before, variable.last = variable.last, write
        variable.settled_ns = write.settled_ns
        self._fence = max(self._fence, write.fence)
        self.day = max(self.day, write.day)
        if write.target is not None and write.value:
            signal = write.target.signal_id
            self._entered.add(signal)
            if write.state in STORED:
                self._given_up.discard(signal)
            else:
                self._given_up.add(signal)
        elif before is not None and before.value and before.target is not None:
            # Whatever the book says later: what was once taken back is not entered again.
            self._given_up.add(before.target.signal_id)

    def _not_ahead(self, write: Write, now_ns: int) -> Write:
        latest = now_ns + self._settle_ns
        if write.sent_ns <= now_ns and write.settled_ns <= latest:
            return write
        return msgspec.structs.replace(
            write, sent_ns=min(write.sent_ns, now_ns), settled_ns=min(write.settled_ns, latest)
        )

    def _become(self, write: Write, state: WriteState, answer: str, now_ns: int) -> Write:
        settled = write.settled_ns
        if state is WriteState.UNKNOWN:
            settled = max(settled, now_ns + self._settle_ns)
        done = msgspec.structs.replace(write, state=state, answer=answer, settled_ns=settled)
        self._keep(done, needed=False)
        self._remember(done)
        return done

    def _keep(self, write: Write, *, needed: bool) -> None:
        self.unrecorded = ""
        try:
            self._record(write)
        except OSError as error:
            if needed:
                raise
            self.unrecorded = str(error)

    def _want(self, variable: _Variable) -> int:
        gone = self.killed or variable.target.signal_id in self._given_up
        return 0 if gone else variable.target.direction

    def _holds_as_wanted(self, variable: _Variable) -> bool:
        """Say whether a position is stored that the book wants there."""
        last = variable.last
        if last is None or not last.value or last.state not in STORED or last.target is None:
            return False
        return last.target.signal_id == variable.target.signal_id and self._want(variable) == last.value

    def _zero_due(self, variable: _Variable, now_ns: int) -> Write | None:
        last = variable.last
        if last is None:
            return (
                self._new(variable, 0, variable.reset_due or "nothing is known of this variable")
                if variable.reset_due
                else None
            )
        if last.value == 0:
            if last.state is not WriteState.CONFIRMED:
                return last if self._repeat_due(last, now_ns) else None
            return self._new(variable, 0, variable.reset_due) if variable.reset_due else None
        if self._holds_as_wanted(variable) and not variable.reset_due:
            return None
        if last.state in UNANSWERED and now_ns < last.settled_ns:
            return None
        holds = last.state in STORED and last.target is not None
        why = "the entry is not known to be stored" if not holds else variable.reset_due or "the book wants no position"
        return self._new(variable, 0, why)

    def _repeat_due(self, last: Write, now_ns: int) -> bool:
        return last.state is not WriteState.CONFIRMED and now_ns >= last.sent_ns + self._retry_ns(last)

    def _entry_due(self, variable: _Variable) -> bool:
        last = variable.last
        stored_zero = last is not None and last.value == 0 and last.state in STORED
        return stored_zero and self._want(variable) != 0 and variable.target.signal_id not in self._entered

    def _entry(
        self, variable: _Variable, now_ns: int, wall_ns: int, refuse_entry: Callable[[VenueTarget], str | None]
    ) -> Write | Abandoned | None:
        target = variable.target
        refusal = refuse_entry(target)
        if refusal is None and wall_ns > target.valid_until_ns:
            refusal = "its validity is over"
        if refusal:
            self._given_up.add(target.signal_id)
            return Abandoned(target, refusal)
        if refusal == "" or now_ns < variable.settled_ns:
            expired = wall_ns > target.valid_until_ns
            if expired:
                self._given_up.add(target.signal_id)
            return Abandoned(target, "it could not be sent while it was valid") if expired else None
        return self._new(variable, target.direction, f"signal {target.signal_id}", target)

    def _new(self, variable: _Variable, value: int, why: str, target: VenueTarget | None = None) -> Write:
        self._fence += 1
        return Write(
            book=self.book, variable=variable.target.variable, fence=self._fence, value=value, why=why, target=target
        )
