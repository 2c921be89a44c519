"""After a restart checkpoint, last book, last intent and outbox must agree; what does not is named."""

from __future__ import annotations

import msgspec
import pytest

from services.executor.book.state import STATE, ExecutorState
from services.executor.venues.differences import differences
from services.executor.venues.write import Write, WriteState
from shared.events import Alert, Intent, VenueTarget
from tests.builders import at, entry_order, snapshot
from tests.unit.services.executor.random_market import Desk

TARGET = VenueTarget(variable=1, direction=1, order_id="o", signal_id="s")


def held_desk() -> tuple[ExecutorState, Desk, Intent]:
    desk = Desk()
    quotes = {24500.0: (100.0, 100.5)}
    desk.feed(snapshot(1, at(10, 0), puts=quotes))
    desk.feed(entry_order(1, at(10, 0), signal_id="s"))
    desk.feed(snapshot(2, at(10, 1), puts=quotes))
    state = STATE.decode(desk.handler.checkpoint())
    return state, desk, [event for event in desk.made if isinstance(event, Intent)][-1]


def write(value: int, signal: str, state: WriteState = WriteState.CONFIRMED) -> Write:
    target = msgspec.structs.replace(TARGET, signal_id=signal)
    return Write(book="nifty", variable=1, fence=1, value=value, why="", target=target if value else None, state=state)


def test_a_clean_restart_finds_nothing():
    state, desk, intent = held_desk()
    assert differences(state, desk.book, intent, {1: write(1, "s")}) == []
    assert differences(None, None, None, {}) == []


def test_every_difference_is_named():
    state, desk, intent = held_desk()
    assert desk.book is not None
    book = msgspec.structs.replace(desk.book, cash_paise=1, positions=())
    (cash, lots) = differences(state, book, intent, {})
    assert "paise in the last book" in cash
    assert "open lots" in lots
    assert "expected a checkpoint" in differences(None, desk.book, intent, {})[0]
    assert "expected intent" in differences(state, desk.book, None, {})[0]
    assert "expected intent" in differences(state, desk.book, msgspec.structs.replace(intent, number=9), {})[0]


def test_what_the_venue_may_hold_and_the_book_does_not_want_is_named():
    state, desk, intent = held_desk()
    for write_state in (WriteState.CONFIRMED, WriteState.UNKNOWN):
        (text,) = differences(state, desk.book, intent, {1: write(-1, "stranger", write_state)})
        assert "-1 of stranger" in text
    assert differences(state, desk.book, intent, {1: write(-1, "stranger", WriteState.FAILED)}) == []
    assert differences(state, desk.book, intent, {1: write(0, "")}) == []


@pytest.mark.parametrize("state", [b"", b"{}", b'{"cash_paise": "much"}'])
def test_a_state_of_another_version_is_refused(state: bytes):
    with pytest.raises(ValueError, match=rf"executor\.state of version {STATE.version}"):
        Desk().handler.restore(state)


def test_a_checkpoint_whose_ledger_does_not_add_up_alerts_with_the_next_event():
    _, desk, _ = held_desk()
    state = STATE.decode(desk.handler.checkpoint())
    state.cash_paise += 7
    desk.handler.restore(STATE.encode(state))
    alerts = [event for event in desk.feed(snapshot(3, at(10, 2))) if isinstance(event, Alert)]
    assert [alert.code for alert in alerts] == ["ledger_difference"]
