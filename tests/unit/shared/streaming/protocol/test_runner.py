"""A failed attempt leaves no trace, and the dead letter holds all there was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.events import ClockTick, Event, Header
from shared.events.topology import Topic
from shared.streaming.protocol.handler import Service
from shared.streaming.protocol.runner import HandlerRunner, dead_letter


class Fragile:
    """Changes its state first and fails after, as often as told per event."""

    def __init__(self, fails: dict[int, int]) -> None:
        self._fails = fails
        self.seen: list[int] = []

    def handle(self, event: Event) -> list[Event]:
        self.seen.append(event.header.seq)
        if self._fails.get(event.header.seq, 0):
            self._fails[event.header.seq] -= 1
            raise ArithmeticError("told to")
        return [ClockTick(header=event.header.child("t"), last_snapshot_ts=len(self.seen))]

    def checkpoint(self) -> bytes:
        return bytes(self.seen)

    def restore(self, state: bytes) -> None:
        self.seen = list(state)


def _tick(number: int) -> ClockTick:
    return ClockTick(header=Header.root(book="nifty", ts=(number + 1) * 10**9, seq=number, producer="ingest"))


def _slot(fails: dict[int, int]) -> HandlerRunner:
    return HandlerRunner(Service("features", lambda _: Fragile(fails), (Topic.CHAIN,)), "nifty")


@given(st.dictionaries(st.integers(0, 19), st.integers(0, 5)), st.sets(st.integers(0, 19)))
def test_the_state_is_that_of_the_events_that_succeeded(fails: dict[int, int], checkpoints: set[int]) -> None:
    slot = _slot(dict(fails))
    for number in range(20):
        outcome = slot.handle(_tick(number))
        assert outcome.attempts == min(fails.get(number, 0) + 1, 3)
        assert (outcome.failure is None) == (fails.get(number, 0) < 3)
        assert bool(outcome.outputs) == (outcome.failure is None)
        if number in checkpoints:
            slot.checkpoint()
    assert list(slot.checkpoint()) == [number for number in range(20) if fails.get(number, 0) < 3]
    assert slot.since_checkpoint == 0


def test_a_loaded_state_goes_on_where_it_was() -> None:
    first, second = _slot({}), _slot({})
    for number in range(5):
        first.handle(_tick(number))
    second.load(first.checkpoint())
    assert second.handle(_tick(5)) == first.handle(_tick(5))


def test_folding_again_gives_no_outputs_and_the_same_state() -> None:
    first, second = _slot({}), _slot({})
    for number in range(5):
        first.handle(_tick(number))
        second.catch_up(_tick(number))
    assert first.checkpoint() == second.checkpoint()


def test_the_letter_and_its_alert_say_who_failed_on_what() -> None:
    letter, alert = dead_letter(
        _tick(3).header, group="features", topic="chain", entry_id="1-1", error=ValueError("no"), attempts=3, fields={"a": "b"}
    )  # fmt: skip
    assert (letter.group, letter.attempts, letter.error, letter.fields) == ("features", 3, "ValueError: no", {"a": "b"})
    assert letter.header.id != alert.header.id
    assert _tick(3).header.id in alert.text
