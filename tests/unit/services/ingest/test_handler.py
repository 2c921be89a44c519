"""The ingest handler gives ordered chain events with deterministic ids, beats through silence, and counts refusals."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TypeVar

import msgspec
import pytest

from services.ingest.handler import IngestHandler
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ist_ns
from shared.events import Alert, ChainSnapshot, ClockTick, Event, QualityFlag
from shared.market.chain import BadCapture, DataVerdict, ParsedChain


@pytest.fixture(scope="module")
def chains(calendar, contracts):
    return list(synthetic_days(3, 2, calendar=calendar, contracts=contracts))


T = TypeVar("T")


def play(handler: IngestHandler, chains: Iterable[ParsedChain]) -> list[Event]:
    events = [event for chain in chains for event in handler.accept(chain)]
    return [*events, *handler.end_of_day()]


def of(kind: type[T], events: Iterable[Event]) -> list[T]:
    return [event for event in events if isinstance(event, kind)]


def test_a_session_gives_a_snapshot_per_stamp_and_a_tick_per_beat_open_and_close_included(chains, make_handler):
    events = play(make_handler(), chains)
    assert len(of(ChainSnapshot, events)) == 750
    assert len(of(ClockTick, events)) == 2 * 376
    assert of(ClockTick, events)[0].header.ts == ist_ns(2026, 6, 1, 9, 15)
    assert of(ClockTick, events)[375].header.ts == ist_ns(2026, 6, 1, 15, 30)


def test_sequence_counts_from_one_time_never_goes_back_and_ids_differ(chains, make_handler):
    events = play(make_handler(), chains)
    assert [event.header.seq for event in events] == list(range(1, len(events) + 1))
    assert all(a.header.ts <= b.header.ts for a, b in pairwise(events))
    assert len({event.header.id for event in events}) == len(events)
    assert of(ChainSnapshot, events)[0].header.id == "nifty-20260601T091600"
    assert of(ClockTick, events)[1].header.id == "nifty-20260601T091600-tick"


def test_the_beat_is_a_setting(chains, make_handler):
    events = play(make_handler(beat_s=300), chains[:375])
    assert len(of(ClockTick, events)) == 76


def test_only_the_nearest_expiries_enter_a_snapshot(chains, make_handler):
    snapshot = of(ChainSnapshot, make_handler(max_expiries=1).accept(chains[0]))[0]
    assert [one.expiry for one in snapshot.expiries] == ["2026-06-02"]


def test_checkpoint_and_restore_continue_as_if_nothing_had_happened(chains, make_handler):
    straight = play(make_handler(), chains)
    first, second = make_handler(), make_handler()
    head = [event for chain in chains[:400] for event in first.accept(chain)]
    second.restore(first.checkpoint())
    assert head + play(second, chains[400:]) == straight


def test_restore_refuses_another_books_state(make_handler):
    handler = make_handler()
    with pytest.raises(ValueError, match="state"):
        handler.restore(b"{}")
    state = msgspec.json.decode(handler.checkpoint())
    state["book"] = "bank"
    with pytest.raises(ValueError, match="bank"):
        handler.restore(msgspec.json.encode(state))


def test_a_repeated_and_a_backward_stamp_are_refused_and_alerted_once_a_day(chains, make_handler):
    handler = make_handler()
    events = [event for chain in (*chains[:3], chains[2], chains[2], chains[1]) for event in handler.accept(chain)]
    assert handler.refusals == {DataVerdict.REPEATED_STAMP: 2, DataVerdict.BACKWARD_STAMP: 1}
    assert [alert.code for alert in of(Alert, events)] == ["ingest.repeated_stamp", "ingest.backward_stamp"]
    assert len(of(ChainSnapshot, events)) == 3


def test_a_readers_refusal_is_counted_and_named(make_handler):
    handler = make_handler()
    refusal = BadCapture(verdict=DataVerdict.EMPTY, text="expected records, got '[]'", where="a.json")
    alert = handler.accept(refusal)[0]
    assert isinstance(alert, Alert)
    assert "a.json" in alert.text
    assert handler.refusals[DataVerdict.EMPTY] == 1


def test_live_ticks_wait_until_no_acceptable_snapshot_can_come_before_them(chains, make_handler):
    """A live run with silent spells gives the very events its recording gives when replayed."""
    spell = [chain for i, chain in enumerate(chains[:60]) if not 20 <= i < 35]
    live, events = make_handler(), []
    now = chains[0].stamp_ns
    for chain in spell:
        while now < chain.received_ns:
            events += live.advance(now)
            now += 7 * NS_PER_SECOND
        events += live.accept(chain)
    replayed = make_handler()
    assert events == [event for chain in spell for event in replayed.accept(chain)]


def test_a_silent_feed_still_beats(chains, make_handler):
    handler = make_handler()
    handler.accept(chains[0])
    ticks = handler.advance(chains[0].stamp_ns + 10 * NS_PER_MINUTE)
    assert [tick.last_snapshot_ts for tick in ticks] == [chains[0].stamp_ns] * 7
    assert handler.advance(chains[0].stamp_ns + 10 * NS_PER_MINUTE) == []


def test_a_gap_is_flagged_on_the_snapshot_after_it(chains, make_handler):
    handler = make_handler()
    handler.accept(chains[0])
    snapshot = of(ChainSnapshot, handler.accept(chains[9]))[0]
    assert snapshot.quality == (QualityFlag.AFTER_GAP,)


def test_a_front_expiry_the_contract_table_does_not_expect_is_alerted(chains, make_handler):
    odd = msgspec.structs.replace(chains[0], expiries=chains[0].expiries[1:])
    alerts = of(Alert, make_handler().accept(odd))
    assert [alert.code for alert in alerts] == ["ingest.front_expiry"]
