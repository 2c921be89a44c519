"""When a book stops opening, what was ordered and has not filled is called back; ids do not depend on who came last."""

from __future__ import annotations

import pytest

from services.risk.bootstrap import risk_service
from services.risk.handler import RiskHandler
from services.risk.settings import RiskSettings
from shared.events import Event, HaltChanged, LimitState, Order, OrderAction
from tests.builders import UNGATED, at, book_state, position, signal


def risk() -> RiskHandler:
    handler = risk_service(
        RiskSettings(max_daily_loss=0.01, max_delta_loss=0.007, max_gamma_loss=0.003, max_stress_loss=0.5, **UNGATED)
    ).make("nifty")
    assert isinstance(handler, RiskHandler)
    return handler


def decide(handler: RiskHandler, *events: Event) -> list[Event]:
    made = [out for event in events for out in handler.handle(event)]
    return [out for out in made if not isinstance(out, HaltChanged | LimitState)]


LOSS = {"realised_paise": -5_000_000, "equity_paise": 95_000_000}


def test_a_latch_calls_the_unfilled_entry_back_once():
    handler = risk()
    (entry,) = decide(handler, signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    assert isinstance(entry, Order)
    lossy = book_state(2, at(10, 31), pending_orders=(entry.header.id,), **LOSS)
    cancels = [event for event in decide(handler, lossy) if isinstance(event, Order)]
    assert [(order.action, order.closes) for order in cancels] == [(OrderAction.EXIT, entry.header.id)]
    again = book_state(3, at(10, 32), pending_orders=(entry.header.id,), **LOSS)
    assert [event for event in decide(handler, again) if isinstance(event, Order)] == []


@pytest.mark.parametrize(("mark", "limit"), [(None, 75.6), (150.0, 162.0)], ids=["nothing filled", "some filled"])
def test_what_has_filled_of_it_is_bought_back_at_what_the_market_takes(mark: float | None, limit: float):
    handler = risk()
    (entry,) = decide(handler, signal(1, at(10, 30), 1), book_state(1, at(10, 30)))
    assert isinstance(entry, Order)
    assert entry.quote_price == 70.0
    filled = () if mark is None else (position(order_id=entry.header.id, mark=mark),)
    lossy = book_state(2, at(10, 31), pending_orders=(entry.header.id,), positions=filled, **LOSS)
    back = next(event for event in decide(handler, lossy) if isinstance(event, Order))
    assert back.closes == entry.header.id
    assert back.limit_price == pytest.approx(limit)


def test_ids_do_not_depend_on_whether_signal_or_book_came_last():
    lossy = book_state(1, at(10, 30), **LOSS)
    first = decide(risk(), signal(1, at(10, 30), 1), lossy)
    second = decide(risk(), lossy, signal(1, at(10, 30), 1))
    assert sorted(event.header.id for event in first) == sorted(event.header.id for event in second)
    assert len({event.header.id for event in first}) == len(first)
