"""An exchange in this process that takes orders: it fills them whole at the quotes it is given, and loses calls as told.

It is the reference of `OrderVenue` and moves no money. It is not the paper book: that one fills at the next snapshot with
impact and depth, and needs no venue.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, TypeVar

from services.executor.venues.port import (
    FillReport,
    OrderReport,
    OrderRequest,
    OrderStatus,
    PositionReport,
    Reports,
    VenueAnswer,
    VenueOutcome,
    VenueTerms,
)
from shared.events import Contract, Side
from shared.settings import ServiceSettings

Report = TypeVar("Report")


class Loss(StrEnum):
    """What goes wrong on the way: the connection is refused, the request or the answer is lost."""

    CONNECTION = "connection refused"
    REQUEST = "request lost"
    ANSWER = "answer lost"


@dataclass(frozen=True, slots=True)
class BestPrices:
    """Best prices of a contract, points; None where nobody quotes."""

    bid: float | None
    ask: float | None


class SimulatedExchange:
    """Takes orders for any contract it has a quote of.

    Args:
        settings: it has none of its own.
        terms: of the executor.
    """

    settings_class: ClassVar[type[ServiceSettings]] = ServiceSettings

    def __init__(self, settings: ServiceSettings, terms: VenueTerms) -> None:
        del settings
        self._book = terms.book
        self._prices: dict[Contract, BestPrices] = {}
        self._orders: dict[str, OrderReport] = {}
        self._placed: dict[str, OrderRequest] = {}
        self._fills: list[FillReport] = []
        self._losses: deque[Loss] = deque()
        self._number = 0

    # --- its world ----------------------------------------------------------------------------------------------

    def quote(self, contract: Contract, bid: float | None, ask: float | None) -> None:
        """Move the best prices of a contract (points) and fill what they meet, oldest change first."""
        self._prices[contract] = BestPrices(bid, ask)
        for report in sorted(self._orders.values(), key=lambda one: one.number):
            if report.request.contract == contract:
                self._match(report.request.client_id)

    def lose(self, *losses: Loss) -> None:
        """Let the next calls go wrong, one after the other."""
        self._losses.extend(losses)

    # --- verbs --------------------------------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> VenueAnswer:
        """Place an order; the same client id again does nothing and answers as the first time."""
        return self._call(lambda: self._submit(request))

    def modify(self, client_id: str, *, quantity: int, limit_price: float | None) -> VenueAnswer:
        """Give an open order another total quantity (units) and limit (points)."""
        return self._call(lambda: self._modify(client_id, quantity, limit_price))

    def cancel(self, client_id: str) -> VenueAnswer:
        """Take an open order back; one that is cancelled already is confirmed again."""
        return self._call(lambda: self._cancel(client_id))

    # --- reports ------------------------------------------------------------------------------------------------

    def orders(self) -> Reports[OrderReport]:
        """Report every order, in order of its newest change."""
        return self._ask(lambda: tuple(sorted(self._orders.values(), key=lambda one: one.number)))

    def fills(self, after: int = 0) -> Reports[FillReport]:
        """Report executions with a number above `after`, in order."""
        return self._ask(lambda: tuple(fill for fill in self._fills if fill.number > after))

    def positions(self) -> Reports[PositionReport]:
        """Report what is held, by contract, without what is flat."""
        return self._ask(self._positions)

    def close(self) -> None:
        """Nothing is open."""

    # --- inside -------------------------------------------------------------------------------------------------

    def _submit(self, request: OrderRequest) -> str | None:
        known = self._placed.get(request.client_id)
        if known is not None:
            return None if known == request else f"{request.client_id} is another order already"
        refusal = _odd_lots(request)
        if refusal is not None:
            return refusal
        self._placed[request.client_id] = request
        self._change(OrderReport(number=0, request=request, status=OrderStatus.OPEN, filled=0))
        self._match(request.client_id)
        return None

    def _modify(self, client_id: str, quantity: int, limit_price: float | None) -> str | None:
        report = self._orders.get(client_id)
        if report is None or report.status is not OrderStatus.OPEN:
            return f"{client_id} is {'not known' if report is None else report.status.value}"
        if quantity <= report.filled:
            return f"expected more than the {report.filled} units filled, got {quantity}"
        wanted = replace(report.request, quantity=quantity, limit_price=limit_price)
        refusal = _odd_lots(wanted)
        if refusal is not None:
            return refusal
        if wanted != report.request:
            self._change(replace(report, request=wanted))
            self._match(client_id)
        return None

    def _cancel(self, client_id: str) -> str | None:
        report = self._orders.get(client_id)
        if report is None or report.status in {OrderStatus.FILLED, OrderStatus.REJECTED}:
            return f"{client_id} is {'not known' if report is None else report.status.value}"
        if report.status is OrderStatus.OPEN:
            self._change(replace(report, status=OrderStatus.CANCELLED, text="cancelled"))
        return None

    def _match(self, client_id: str) -> None:
        report = self._orders[client_id]
        request = report.request
        prices = self._prices.get(request.contract)
        if report.status is not OrderStatus.OPEN or prices is None:
            return
        price = prices.bid if request.side is Side.SELL else prices.ask
        if price is None or not _meets(request, price):
            return
        quantity = request.quantity - report.filled
        self._change(replace(report, status=OrderStatus.FILLED, filled=request.quantity))
        fill = FillReport(
            number=self._number,
            client_id=client_id,
            contract=request.contract,
            side=request.side,
            quantity=quantity,
            price=price,
        )
        self._fills.append(fill)

    def _positions(self) -> tuple[PositionReport, ...]:
        held: Counter[Contract] = Counter()
        for fill in self._fills:
            held[fill.contract] += fill.quantity if fill.side is Side.BUY else -fill.quantity
        return tuple(
            PositionReport(contract=contract, quantity=held[contract])
            for contract in sorted(held, key=str)
            if held[contract]
        )

    def _change(self, report: OrderReport) -> None:
        self._number += 1
        self._orders[report.request.client_id] = replace(report, number=self._number)

    def _call(self, act: Callable[[], str | None]) -> VenueAnswer:
        loss = self._losses.popleft() if self._losses else None
        if loss is Loss.CONNECTION:
            return VenueAnswer(VenueOutcome.FAILED, loss.value)
        if loss is Loss.REQUEST:
            return VenueAnswer(VenueOutcome.UNKNOWN, loss.value)
        refusal = act()
        if loss is Loss.ANSWER:
            return VenueAnswer(VenueOutcome.UNKNOWN, loss.value)
        return (
            VenueAnswer(VenueOutcome.CONFIRMED, "taken")
            if refusal is None
            else VenueAnswer(VenueOutcome.FAILED, refusal)
        )

    def _ask(self, question: Callable[[], tuple[Report, ...]]) -> Reports[Report]:
        loss = self._losses.popleft() if self._losses else None
        if loss is None:
            return Reports(VenueOutcome.CONFIRMED, question())
        return Reports(VenueOutcome.FAILED if loss is Loss.CONNECTION else VenueOutcome.UNKNOWN, text=loss.value)


def _odd_lots(request: OrderRequest) -> str | None:
    if request.lot_size >= 1 and request.quantity >= 1 and request.quantity % request.lot_size == 0:
        return None
    return f"expected whole lots of {request.lot_size} units, got {request.quantity} units of {request.contract}"


def _meets(request: OrderRequest, price: float) -> bool:
    if request.limit_price is None:
        return True
    return price >= request.limit_price if request.side is Side.SELL else price <= request.limit_price
