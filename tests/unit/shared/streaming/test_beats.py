"""A beat is judged by its number growing, on the watcher's own clock."""

from __future__ import annotations

from msgspec import structs

from shared.streaming.protocol.beats import Beat, BeatWatch

ONE = Beat(service="risk", replica="host-1", pid=1, number=1, written_ns=0)
TWO = structs.replace(ONE, replica="host-2", pid=2)


def later(beat: Beat, number: int) -> Beat:
    return structs.replace(beat, number=number)


def test_a_service_is_silent_when_no_process_of_it_beats():
    watch = BeatWatch(10.0)
    for second in range(12):
        watch.see([later(ONE, 1), later(TWO, second)], float(second))
    assert watch.silent_services(11.0) == ()
    assert [one.replica for one in watch.silent_processes(11.0)] == ["host-1"]
    watch.see([later(ONE, 1), later(TWO, 11)], 22.0)
    assert [str(one) for one in watch.silent_services(22.0)] == ["risk: no heartbeat for 11 s"]


def test_a_loop_that_hangs_is_silence_at_once():
    watch = BeatWatch(10.0)
    watch.see([ONE], 0.0)
    watch.see([structs.replace(ONE, number=2, well=False, reason="engine: last turn 31 s ago")], 1.0)
    (found,) = watch.silent_services(1.0)
    assert found.reason == "it hangs: engine: last turn 31 s ago"


def test_what_must_be_there_and_never_beat_is_told_after_the_limit():
    watch = BeatWatch(10.0)
    watch.see([], 100.0)
    assert watch.silent_services(110.0, ("trainer",)) == ()
    assert [one.service for one in watch.silent_services(110.1, ("trainer",))] == ["trainer"]


def test_a_first_beat_may_take_longer_than_the_next():
    watch = BeatWatch(10.0, 60.0)
    watch.see([], 0.0)
    assert watch.silent_services(60.0, ("trainer",)) == ()
    assert [one.service for one in watch.silent_services(60.1, ("trainer",))] == ["trainer"]


def test_a_broker_that_was_away_makes_nobody_silent():
    watch = BeatWatch(10.0)
    watch.see([ONE], 0.0)
    watch.lost_sight()
    assert watch.silent_services(100.0, ("risk",)) == ()
    watch.see([ONE], 100.0)
    assert watch.silent_services(105.0, ("risk",)) == ()
    assert [one.service for one in watch.silent_services(110.1)] == ["risk"]


def test_a_process_that_took_itself_off_the_list_is_gone_and_not_silent():
    watch = BeatWatch(10.0)
    watch.see([ONE], 0.0)
    watch.see([], 1.0)
    assert watch.silent_services(100.0) == ()
