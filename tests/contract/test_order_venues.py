"""What every order venue must keep: at most once by client id, three answers, no exception, reports in order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from services.executor.settings import ExecutorSettings
from services.executor.venues.opening import MirrorOpening
from services.executor.venues.port import (
    OrderRequest,
    OrderStatus,
    OrderVenue,
    Report,
    Reports,
    VenueAnswer,
    VenueOutcome,
    VenueTerms,
)
from services.executor.venues.registry import choose_venue
from services.executor.venues.simulated.exchange import Loss, SimulatedExchange
from services.risk.orders import exit_order
from services.risk.settings import RiskSettings
from shared.clock import ManualClock
from shared.errors import ConfigError
from shared.events import Contract, ExitReason, Side, VenueTarget, sold
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from tests.builders import at, chain_header, contract, position

DONE, REFUSED, NOT_KNOWN = VenueOutcome.CONFIRMED, VenueOutcome.FAILED, VenueOutcome.UNKNOWN
PUT = contract(24400.0)
OTHER = contract(24500.0)
LOT = 75


@dataclass(frozen=True)
class Trial:
    """A venue with a market that moves as told and a line that fails as told."""

    venue: OrderVenue
    quote: Callable[[Contract, float | None, float | None], None]
    refuse_connection: Callable[[], None]
    lose_request: Callable[[], None]
    lose_answer: Callable[[], None]


def simulated() -> Trial:
    choice = choose_venue(ExecutorSettings(venue="simulated"), {})
    venue = choice.make(choice.settings, VenueTerms(book="nifty", timeout_s=1.0, sends=True))
    assert isinstance(venue, SimulatedExchange)
    assert isinstance(venue, OrderVenue)
    return Trial(
        venue,
        venue.quote,
        lambda: venue.lose(Loss.CONNECTION),
        lambda: venue.lose(Loss.REQUEST),
        lambda: venue.lose(Loss.ANSWER),
    )


@pytest.fixture(params=[simulated])
def trial(request: pytest.FixtureRequest) -> Trial:
    made: Trial = request.param()
    made.quote(PUT, 100.0, 100.5)
    return made


def sell(client_id: str = "o-1", limit: float | None = 101.0, of: Contract = PUT, quantity: int = LOT) -> OrderRequest:
    return order(client_id, Side.SELL, limit, of, quantity)


def buy(client_id: str, limit: float | None = None, of: Contract = PUT, quantity: int = LOT) -> OrderRequest:
    return order(client_id, Side.BUY, limit, of, quantity)


def order(client_id: str, side: Side, limit: float | None, of: Contract, quantity: int) -> OrderRequest:
    return OrderRequest(client_id=client_id, contract=of, side=side, quantity=quantity, limit_price=limit, lot_size=LOT)


def target(lots: int = 2, lot_size: int = LOT, limit: float | None = 101.0) -> VenueTarget:
    return VenueTarget(
        variable=1,
        direction=1,
        order_id="o-1",
        signal_id="s-1",
        legs=sold(PUT),
        lots=lots,
        lot_size=lot_size,
        limit_price=limit,
    )


def items(reports: Reports[Report]) -> tuple[Report, ...]:
    assert reports.outcome is DONE
    return reports.items


def statuses(trial: Trial) -> dict[str, OrderStatus]:
    return {one.request.client_id: one.status for one in items(trial.venue.orders())}


def held(trial: Trial) -> dict[Contract, int]:
    return {one.contract: one.quantity for one in items(trial.venue.positions())}


def test_an_order_waits_for_its_price_and_fills_at_the_quote(trial: Trial):
    assert trial.venue.submit(sell()).outcome is DONE
    assert statuses(trial) == {"o-1": OrderStatus.OPEN}
    trial.quote(PUT, 101.5, 102.0)
    (fill,) = items(trial.venue.fills())
    assert (fill.client_id, fill.side, fill.quantity, fill.price) == ("o-1", Side.SELL, 75, 101.5)
    assert statuses(trial) == {"o-1": OrderStatus.FILLED}
    assert held(trial) == {PUT: -75}


def test_an_order_of_an_id_is_placed_once_however_often_it_is_sent(trial: Trial):
    for _ in range(3):
        assert trial.venue.submit(sell(limit=None)).outcome is DONE
    assert len(items(trial.venue.fills())) == 1
    assert held(trial) == {PUT: -75}


def test_after_a_lost_answer_the_repeat_does_not_trade_again(trial: Trial):
    trial.lose_answer()
    assert trial.venue.submit(sell(limit=None)).outcome is NOT_KNOWN
    assert trial.venue.submit(sell(limit=None)).outcome is DONE
    assert held(trial) == {PUT: -75}


def test_after_a_lost_request_the_repeat_trades(trial: Trial):
    trial.lose_request()
    assert trial.venue.submit(sell(limit=None)).outcome is NOT_KNOWN
    assert held(trial) == {}
    assert trial.venue.submit(sell(limit=None)).outcome is DONE
    assert held(trial) == {PUT: -75}


def test_a_repeat_counts_after_the_order_is_final_as_well(trial: Trial):
    trial.venue.submit(sell())
    trial.venue.cancel("o-1")
    assert trial.venue.submit(sell()).outcome is DONE
    assert statuses(trial) == {"o-1": OrderStatus.CANCELLED}


def test_another_order_under_a_known_id_is_refused(trial: Trial):
    trial.venue.submit(sell())
    assert trial.venue.submit(sell(quantity=150)).outcome is REFUSED
    assert [one.request.quantity for one in items(trial.venue.orders())] == [75]


def test_where_nobody_answers_nothing_is_raised_and_nothing_is_done(trial: Trial):
    trial.refuse_connection()
    assert trial.venue.submit(sell(limit=None)).outcome is REFUSED
    assert statuses(trial) == {}
    trial.venue.submit(sell())
    acts: tuple[Callable[[], VenueAnswer], ...] = (
        lambda: trial.venue.cancel("o-1"),
        lambda: trial.venue.modify("o-1", quantity=150, limit_price=1.0),
    )
    for act in acts:
        for fail, outcome in ((trial.refuse_connection, REFUSED), (trial.lose_request, NOT_KNOWN)):
            fail()
            assert act().outcome is outcome
    (report,) = items(trial.venue.orders())
    assert (report.status, report.request) == (OrderStatus.OPEN, sell())


def test_a_question_that_is_not_answered_gives_no_report_rather_than_an_empty_world(trial: Trial):
    trial.venue.submit(sell(limit=None))
    asks: tuple[Callable[[], Reports[Any]], ...] = (trial.venue.orders, trial.venue.fills, trial.venue.positions)
    for ask in asks:
        for fail in (trial.refuse_connection, trial.lose_request, trial.lose_answer):
            fail()
            reports = ask()
            assert reports.outcome is not DONE
            assert reports.items == ()
            assert len(items(ask())) == 1


def test_modify_moves_an_open_order_and_says_the_same_again(trial: Trial):
    trial.venue.submit(sell())
    for _ in range(2):
        assert trial.venue.modify("o-1", quantity=150, limit_price=102.0).outcome is DONE
    (report,) = items(trial.venue.orders())
    assert (report.status, report.request) == (OrderStatus.OPEN, sell(limit=102.0, quantity=150))
    assert trial.venue.modify("o-1", quantity=150, limit_price=100.0).outcome is DONE
    assert held(trial) == {PUT: -150}
    assert len(items(trial.venue.fills())) == 1


def test_what_is_final_or_unknown_is_not_modified_or_cancelled(trial: Trial):
    trial.venue.submit(sell(limit=None))
    for client_id in ("o-1", "nobody"):
        assert trial.venue.modify(client_id, quantity=150, limit_price=1.0).outcome is REFUSED
        assert trial.venue.cancel(client_id).outcome is REFUSED
    assert held(trial) == {PUT: -75}


def test_a_cancelled_order_never_fills_and_is_cancelled_again_without_harm(trial: Trial):
    trial.venue.submit(sell())
    trial.lose_answer()
    assert trial.venue.cancel("o-1").outcome is NOT_KNOWN
    assert trial.venue.cancel("o-1").outcome is DONE
    trial.quote(PUT, 150.0, 151.0)
    assert items(trial.venue.fills()) == ()
    assert statuses(trial) == {"o-1": OrderStatus.CANCELLED}


def test_reports_come_in_order_and_fills_go_on_where_the_reader_stopped(trial: Trial):
    trial.quote(OTHER, 50.0, 50.5)
    trial.venue.submit(sell("o-1"))
    trial.venue.submit(sell("o-2", limit=None, of=OTHER))
    trial.quote(PUT, 101.0, 101.5)
    trial.venue.submit(buy("o-3"))
    fills = items(trial.venue.fills())
    assert [one.client_id for one in fills] == ["o-2", "o-1", "o-3"]
    numbers = [one.number for one in fills]
    assert numbers == sorted(set(numbers))
    assert items(trial.venue.fills(after=numbers[0])) == fills[1:]
    changes = [one.number for one in items(trial.venue.orders())]
    assert changes == sorted(set(changes))
    assert held(trial) == {OTHER: -75}


@pytest.mark.parametrize("quantity", [0, -75, 74, 76])
def test_what_is_not_a_whole_number_of_lots_is_refused(trial: Trial, quantity: int):
    assert trial.venue.submit(sell(quantity=quantity)).outcome is REFUSED
    assert statuses(trial) == {}
    trial.venue.submit(sell())
    assert trial.venue.modify("o-1", quantity=quantity, limit_price=101.0).outcome is REFUSED
    assert [one.request for one in items(trial.venue.orders())] == [sell()]


def test_what_the_book_wants_is_sold_in_units_at_its_limit_or_better(trial: Trial):
    assert trial.venue.submit(OrderRequest.entry(target())).outcome is DONE
    (report,) = items(trial.venue.orders())
    assert (report.request.quantity, report.request.lot_size, report.request.limit_price) == (150, 75, 101.0)
    trial.quote(PUT, 100.95, 101.45)
    assert statuses(trial) == {"o-1": OrderStatus.OPEN}
    trial.quote(PUT, 101.0, 101.5)
    assert statuses(trial) == {"o-1": OrderStatus.FILLED}
    assert held(trial) == {PUT: -150}


def test_an_exit_of_risk_fills_behind_a_gap_where_a_limit_at_the_stop_rests(trial: Trial):
    held_short, gapped = position(24400.0, mark=170.0), (169.0, 170.0)
    why = ExitReason.FLATTEN
    leave = exit_order(
        chain_header(2, at(10, 1)), held_short, why, "halted", settings=RiskSettings(), contracts=ContractTable.load()
    )
    assert trial.venue.submit(sell(limit=None)).outcome is DONE
    trial.quote(PUT, *gapped)
    assert trial.venue.submit(buy("at-stop", limit=held_short.stop_price)).outcome is DONE
    assert statuses(trial)["at-stop"] is OrderStatus.OPEN
    assert trial.venue.submit(buy("exit", limit=leave.limit_price)).outcome is DONE
    assert statuses(trial)["exit"] is OrderStatus.FILLED
    assert held(trial) == {}


def test_no_order_is_made_of_a_target_that_does_not_say_enough():
    two_legs = msgspec.structs.replace(target(), legs=(*sold(PUT), *sold(OTHER)))
    for unfit in (two_legs, target(lot_size=0), VenueTarget(variable=1, direction=0)):
        with pytest.raises(ValueError, match="expected a target of one leg in lots of at least one unit"):
            OrderRequest.entry(unfit)


@pytest.mark.parametrize("mode", ["dry_run", "live"])
def test_the_executor_says_that_it_does_not_trade_on_an_order_venue_yet(
    mode: Literal["dry_run", "live"], tmp_path: Path
):
    settings = ExecutorSettings(
        venue="simulated",
        venue_mode=mode,
        venue_sources=("test",),
        directory=tmp_path,
    )
    with ExitStack() as stack:
        opening = MirrorOpening(
            settings,
            choose_venue(settings, {}),
            ManualClock(at(10, 0)),
            TradingCalendar.load(),
            lambda *_: None,
            stack,
            None,
        )
        with pytest.raises(ConfigError, match="order-taking venues are not wired to the book yet"):
            opening._signal_venue("nifty", sends=mode == "live")
