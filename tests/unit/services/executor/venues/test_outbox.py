"""Entries go out at most once, exits until they are stored, and nothing overtakes what may still arrive."""

from __future__ import annotations

import errno
from random import Random

import pytest

from services.executor.venues.outbox import Abandoned, Outbox
from services.executor.venues.write import Write, WriteState
from shared.events import VenueTarget

DAY = "2025-08-29"
SETTLE, RETRY = 100, 10
FOREVER = 10**18


def entry(signal: str, direction: int = 1, valid: int = FOREVER) -> VenueTarget:
    return VenueTarget(variable=1, direction=direction, order_id=signal, signal_id=signal, valid_until_ns=valid)


NOTHING = VenueTarget(variable=1, direction=0)


class Desk:
    """An outbox, its disk, and a clock."""

    def __init__(self) -> None:
        self.disk: list[Write] = []
        self.now = 0
        self.outbox = self.fresh()

    def fresh(self) -> Outbox:
        return Outbox("nifty", self.disk.append, settle_ns=SETTLE, retry_ns=lambda _: RETRY)

    def want(self, target: VenueTarget, day: str = DAY, *, halted: bool = False) -> None:
        self.outbox.want(day, [target], halted=halted)

    def due(self, refusal: str | None = None) -> Write | Abandoned | None:
        return self.outbox.due(self.now, lambda _: refusal)

    def write(self, answer: WriteState = WriteState.CONFIRMED) -> int:
        """Do what is due and give the value written."""
        step = self.due()
        assert isinstance(step, Write)
        self.outbox.answered(self.outbox.send(step, self.now), answer, "", self.now)
        return step.value

    def restart(self) -> list[Write]:
        self.outbox = self.fresh()
        return self.outbox.recover(list(self.disk))


@pytest.fixture
def flat() -> Desk:
    """A desk whose day has begun: 0 is stored."""
    desk = Desk()
    desk.want(NOTHING)
    assert desk.write() == 0
    assert desk.due() is None
    return desk


def test_a_day_begins_with_a_stored_0(flat: Desk):
    flat.want(NOTHING, "2025-09-01")
    assert flat.write() == 0
    assert flat.due() is None


def test_what_is_carried_over_night_stays_at_the_venue_until_the_book_lets_it_go(flat: Desk):
    flat.want(entry("a"))
    assert flat.write() == 1
    flat.want(entry("a"), "2025-09-01")
    assert flat.due() is None
    flat.restart()
    flat.want(entry("a"), "2025-09-01")
    assert flat.due() is None
    flat.want(NOTHING, "2025-09-01")
    assert flat.write() == 0


def test_a_halt_that_opens_nothing_leaves_at_the_venue_what_the_book_keeps(flat: Desk):
    flat.want(entry("a"))
    assert flat.write() == 1
    flat.want(entry("a"), halted=True)
    assert flat.due() is None
    flat.want(NOTHING, halted=True)
    assert flat.write() == 0


def test_what_was_given_up_is_set_back_as_the_day_begins(flat: Desk):
    flat.want(entry("a"))
    assert flat.write(WriteState.UNKNOWN) == 1
    flat.want(entry("a"), "2025-09-01")
    flat.now += SETTLE
    assert flat.write() == 0


def test_a_restart_within_the_day_does_not_begin_it_again(flat: Desk):
    flat.want(entry("a"))
    assert flat.write() == 1
    flat.restart()
    flat.want(entry("a"))
    assert flat.due() is None
    assert flat.outbox.at_rest


def test_an_entry_goes_out_once_and_its_exit_follows(flat: Desk):
    flat.want(entry("a"))
    assert flat.write() == 1
    assert flat.due() is None
    flat.want(NOTHING)
    assert flat.write() == 0
    assert flat.due() is None


def test_one_position_after_another_passes_through_0(flat: Desk):
    flat.want(entry("a"))
    flat.write()
    flat.want(entry("b", -1))
    assert [flat.write(), flat.write()] == [0, -1]


@pytest.mark.parametrize("answer", [WriteState.UNKNOWN, WriteState.FAILED])
def test_an_entry_not_known_to_be_stored_is_given_up_and_taken_back(flat: Desk, answer: WriteState):
    flat.want(entry("a"))
    assert flat.write(answer) == 1
    assert flat.outbox.wanted(1) == 0
    flat.now += SETTLE
    assert flat.write() == 0
    assert flat.due() is None


def test_nothing_overtakes_an_entry_that_may_still_arrive(flat: Desk):
    flat.want(entry("a"))
    flat.write(WriteState.UNKNOWN)
    flat.now += SETTLE - 1
    assert flat.due() is None
    flat.now += 1
    assert flat.write() == 0


def test_an_exit_is_repeated_until_it_is_stored_under_one_fence(flat: Desk):
    flat.want(entry("a"))
    flat.write()
    flat.want(NOTHING)
    for _ in range(5):
        assert flat.write(WriteState.UNKNOWN) == 0
        assert flat.due() is None
        flat.now += RETRY
    assert flat.write() == 0
    assert flat.due() is None
    assert len({write.fence for write in flat.disk if write.value == 0 and write.sent_ns > 0}) == 1


def test_no_entry_overtakes_a_0_that_may_still_arrive(flat: Desk):
    flat.want(entry("a"))
    flat.write()
    flat.want(NOTHING)
    flat.now += 1
    flat.write(WriteState.UNKNOWN)
    flat.now += RETRY
    assert flat.write() == 0
    flat.want(entry("b"))
    assert flat.due() is None
    flat.now += SETTLE
    assert flat.write() == 1


def test_a_process_that_died_with_an_entry_on_its_way_takes_it_back(flat: Desk):
    flat.want(entry("a"))
    step = flat.due()
    assert isinstance(step, Write)
    flat.outbox.send(step, flat.now)
    (unsure,) = flat.restart()
    assert (unsure.value, unsure.state) == (1, WriteState.UNKNOWN)
    flat.want(entry("a"))
    assert flat.due() is None
    flat.now += SETTLE
    assert flat.write() == 0
    flat.want(entry("a"))
    assert flat.due() is None


def test_an_entry_past_its_validity_is_given_up_with_words(flat: Desk):
    flat.want(entry("a", valid=5))
    flat.now = 6
    step = flat.due()
    assert isinstance(step, Abandoned)
    assert flat.due() is None
    assert flat.outbox.wanted(1) == 0


def test_an_entry_that_must_wait_goes_out_while_it_is_valid_and_not_after(flat: Desk):
    flat.want(entry("a", valid=5))
    assert flat.due("") is None
    assert isinstance(flat.due(), Write)
    flat.now = 6
    assert isinstance(flat.due(""), Abandoned)


def test_a_refused_entry_is_given_up_for_good(flat: Desk):
    flat.want(entry("a"))
    assert isinstance(flat.due("outside the session"), Abandoned)
    assert flat.due() is None


def test_the_kill_switch_takes_everything_back_also_what_the_book_still_wants(flat: Desk):
    flat.want(entry("a"))
    flat.write()
    flat.outbox.kill()
    assert flat.write() == 0
    flat.want(entry("b"))
    assert flat.due() is None
    flat.outbox.revive()
    assert flat.due() is None
    flat.want(NOTHING)
    flat.want(entry("c"))
    assert flat.write() == 1


def test_a_halt_sets_every_slot_back_even_if_it_is_thought_to_be_0(flat: Desk):
    flat.want(NOTHING, halted=True)
    assert flat.write() == 0
    flat.want(NOTHING, halted=True)
    assert flat.due() is None


def test_a_slot_nobody_ever_wanted_is_left_alone():
    assert Desk().due() is None


def test_an_old_write_cannot_be_sent_again(flat: Desk):
    flat.want(entry("a"))
    old = flat.due()
    assert isinstance(old, Write)
    flat.write()
    flat.want(NOTHING)
    flat.write()
    with pytest.raises(ValueError, match="fence"):
        flat.outbox.send(old, flat.now)


class FullDisk:
    """A record that raises while it is full."""

    def __init__(self) -> None:
        self.full = True
        self.lines: list[Write] = []

    def __call__(self, write: Write) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.lines.append(write)


def test_a_0_goes_out_without_a_journal_and_says_so_and_an_entry_does_not():
    disk = FullDisk()
    outbox = Outbox("nifty", disk, settle_ns=SETTLE, retry_ns=lambda _: RETRY)
    outbox.want(DAY, [entry("a")], halted=False)
    zero = outbox.due(0, lambda _: None)
    assert isinstance(zero, Write)
    sent = outbox.send(zero, 0)
    assert "No space" in outbox.unrecorded
    outbox.answered(sent, WriteState.CONFIRMED, "", 0)
    step = outbox.due(1, lambda _: None)
    assert isinstance(step, Write)
    assert step.value == 1
    with pytest.raises(OSError, match="No space"):
        outbox.send(step, 1)
    disk.full = False
    later = outbox.due(2, lambda _: None)
    assert isinstance(later, Write)
    assert outbox.send(later, 2).value == 1
    assert outbox.unrecorded == ""


def test_after_damage_nothing_is_entered_that_may_have_been_and_what_is_surely_held_stays(flat: Desk):
    flat.want(entry("a"))
    flat.write()
    for lost, expected in ((2, [0]), (0, [])):
        desk = Desk()
        desk.disk = flat.disk[: len(flat.disk) - lost]
        desk.outbox = desk.fresh()
        desk.outbox.recover(list(desk.disk), damaged=True)
        desk.want(entry("a"))
        values = [desk.write() for _ in range(5) if desk.due() is not None]
        assert values == expected, "neither a second entry, nor a variable that nobody knows"
        desk.want(NOTHING)
        desk.want(entry("b"))
        assert isinstance(desk.due(), Write), "what comes later is traded"


def test_the_kill_switch_writes_0_where_nothing_is_known_at_all():
    desk = Desk()
    desk.outbox.kill([1, 2])
    assert [desk.write(), desk.write()] == [0, 0]
    assert desk.due() is None


class MoodyVenue:
    """Stores at once, late, silently or never; sometimes the process dies while it waits."""

    def __init__(self, rng: Random, desk: Desk) -> None:
        self.rng = rng
        self.desk = desk
        self.stored: list[Write] = []
        self.on_the_way: list[tuple[int, Write]] = []
        self.entries: list[str] = []

    def arrive(self) -> None:
        for pair in sorted(self.on_the_way, key=lambda each: each[0]):
            if pair[0] <= self.desk.now:
                self.stored.append(pair[1])
                self.on_the_way.remove(pair)

    def take(self, step: Write, *, calm: bool) -> None:
        desk, rng = self.desk, self.rng
        sent = desk.outbox.send(step, desk.now)
        if sent.target is not None:
            self.entries.append(sent.target.signal_id)
        fate = "stored" if calm else rng.choice(("stored", "stored", "silent", "late", "refused", "lost", "died"))
        if fate in {"stored", "silent"} or (fate == "died" and rng.random() < 0.5):
            self.stored.append(sent)
        if fate == "late":
            self.on_the_way.append((desk.now + rng.randint(1, SETTLE - 1), sent))
        if fate == "died":
            target, day = desk.outbox._variables[1].target, desk.outbox.day
            desk.restart()
            desk.want(target, day)
            return
        answers = {"stored": WriteState.CONFIRMED, "refused": WriteState.FAILED}
        desk.outbox.answered(sent, answers.get(fate, WriteState.UNKNOWN), "", desk.now)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_the_stored_value_ends_at_what_is_wanted(seed: int):
    rng = Random(seed)
    desk = Desk()
    venue = MoodyVenue(rng, desk)
    desk.want(NOTHING)
    for number in range(600):
        desk.now += rng.randint(1, 8)
        calm = number > 450
        venue.arrive()
        if not calm and rng.random() < 0.15:
            desk.want(rng.choice((NOTHING, entry(f"s{number}", rng.choice((1, -1))))))
        step = desk.due()
        if isinstance(step, Write):
            venue.take(step, calm=calm)
    assert desk.outbox.at_rest
    assert venue.stored[-1].value == desk.outbox.wanted(1)
    assert len(venue.entries) == len(set(venue.entries))
    fences = [write.fence for write in venue.stored]
    assert fences == sorted(fences), "a stale write was stored after a newer one"
