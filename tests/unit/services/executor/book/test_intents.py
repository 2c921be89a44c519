"""An outside venue is wanted to hold what the book holds, from an entry's acceptance to its exit's trigger."""

from __future__ import annotations

from shared.clock import NS_PER_DAY
from shared.events import Command, CommandKind, Event, Intent
from tests.builders import CALL, at, chain_header, entry_order, snapshot, tick
from tests.unit.services.executor.random_market import Desk

FLAT = {24500.0: (100.0, 100.5)}


def chain(seq: int, minute: int, bid: float = 100.0) -> Event:
    pair = {24500.0: (bid, bid + 0.5)}
    return snapshot(seq, at(10, minute), puts=pair, calls=pair)


def wanted(out: list[Event]) -> list[list[int]]:
    return [[target.direction for target in event.targets] for event in out if isinstance(event, Intent)]


def test_a_day_begins_with_an_intent_of_nothing():
    desk = Desk()
    assert wanted(desk.feed(chain(1, 0))) == [[0]]
    assert wanted(desk.feed(chain(2, 1))) == []
    assert wanted(desk.feed(tick(3, at(9, 15) + NS_PER_DAY * 3))) == [[0]]


def test_an_accepted_entry_is_wanted_at_once_and_not_after_its_exit_is_triggered():
    desk = Desk()
    desk.feed(chain(1, 0))
    assert wanted(desk.feed(entry_order(1, at(10, 0)))) == [[1]]
    assert wanted(desk.feed(chain(2, 1))) == []
    assert wanted(desk.feed(chain(3, 2, bid=131.0))) == [[0]]
    assert wanted(desk.feed(chain(4, 3, bid=131.0))) == []


def test_what_is_wanted_names_limit_and_lot_size_of_its_order():
    desk = Desk()
    desk.feed(chain(1, 0))
    order = entry_order(1, at(10, 0), limit=99.0)
    ((target,),) = [event.targets for event in desk.feed(order) if isinstance(event, Intent)]
    assert (target.limit_price, target.lots, target.lot_size) == (99.0, order.lots, order.lot_size)


def test_an_entry_that_expires_is_not_wanted_any_more():
    desk = Desk()
    desk.feed(chain(1, 0))
    desk.feed(entry_order(1, at(10, 0), limit=99.0))
    assert wanted([*desk.feed(chain(2, 1, bid=90.0)), *desk.feed(chain(3, 9, bid=90.0))]) == [[0]]


def test_a_refused_entry_is_never_wanted():
    desk = Desk()
    desk.feed(chain(1, 0))
    assert wanted(desk.feed(entry_order(1, at(10, 0), stop=None))) == []


def test_each_position_keeps_its_slot_and_one_without_stays_on_paper():
    desk = Desk(venue_variables=2)
    desk.feed(chain(1, 0))
    assert wanted(desk.feed(entry_order(1, at(10, 0)))) == [[1, 0]]
    assert wanted(desk.feed(entry_order(2, at(10, 0), kind=CALL, stop=160.0))) == [[1, -1]]
    assert wanted(desk.feed(entry_order(3, at(10, 0), strike=24400.0))) == []
    desk.feed(chain(4, 1))
    assert wanted(desk.feed(chain(5, 2, bid=131.0))) == [[0, -1]]
    desk.feed(chain(6, 3, bid=120.0))
    assert wanted(desk.feed(entry_order(6, at(10, 3), kind=CALL, strike=24600.0, stop=160.0))) == [[-1, -1]]


def test_halting_cancels_what_works_closes_what_is_open_and_says_so():
    desk = Desk()
    desk.feed(chain(1, 0))
    desk.feed(entry_order(1, at(10, 0)))
    halt = Command(header=chain_header(1, at(10, 0)), kind=CommandKind.HALT, operator="me", reason="drill")
    (intent,) = [event for event in desk.feed(halt) if isinstance(event, Intent)]
    assert intent.halted
    assert [target.direction for target in intent.targets] == [0]
    assert "cancelled by me: drill" in desk.fills[-1].text


def test_the_kill_switch_is_flat_with_the_next_snapshot():
    desk = Desk(impact_points=0.0)
    for event in (chain(1, 0), entry_order(1, at(10, 0)), chain(2, 1)):
        desk.feed(event)
    kill = Command(header=chain_header(0, at(10, 1)), kind=CommandKind.FLATTEN, operator="me", reason="drill")
    desk.feed(kill)
    desk.feed(chain(3, 2))
    assert desk.book is not None
    assert desk.book.positions == ()
    assert desk.book.halted


def test_intents_are_numbered_and_survive_a_restart():
    desk = Desk()
    for event in (chain(1, 0), entry_order(1, at(10, 0))):
        desk.feed(event)
        desk.die()
    desk.feed(chain(2, 1))
    desk.feed(chain(3, 2, bid=131.0))
    numbers = [event.number for event in desk.made if isinstance(event, Intent)]
    assert numbers == [1, 2, 3]
