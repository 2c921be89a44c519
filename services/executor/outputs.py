"""Events that follow from one input, and the few the executor makes over and over."""

from __future__ import annotations

from shared.events import (
    Alert,
    Event,
    Fill,
    FilledLeg,
    FillStatus,
    Header,
    Leg,
    LegCosts,
    Order,
    OrderAction,
    Severity,
    Side,
)
from shared.trading.fills import QuoteFill
from shared.trading.position import ShortPosition

VENUE = "paper"


class Outputs:
    """Collects what follows from one input, numbered as it comes."""

    def __init__(self, parent: Header) -> None:
        self.parent = parent
        self.events: list[Event] = []

    def header(self) -> Header:
        """Head the next event."""
        return self.parent.child("executor", len(self.events))

    def alert(self, code: str, text: str, severity: Severity = Severity.CRITICAL) -> None:
        """Tell a person."""
        self.events.append(Alert(header=self.header(), severity=severity, code=code, text=text))

    def entry(
        self,
        order: Order,
        status: FillStatus,
        *,
        fill: QuoteFill | None = None,
        costs: LegCosts | None = None,
        text: str = "",
    ) -> None:
        """Say what became of an entry order."""
        self.events.append(
            Fill(
                header=self.header(),
                order_id=order.header.id,
                venue=VENUE,
                status=status,
                action=OrderAction.ENTER,
                side=Side.SELL,
                strategy=order.strategy,
                legs=_filled(order.legs, Side.SELL, fill),
                price=None if fill is None else fill.price,
                lots=0 if fill is None else fill.lots,
                lot_size=order.lot_size,
                costs=costs,
                text=text,
            )
        )

    def exit(
        self,
        position: ShortPosition,
        status: FillStatus,
        *,
        fill: QuoteFill | None = None,
        costs: LegCosts | None = None,
        text: str = "",
    ) -> None:
        """Say what became of the purchase that closes a position."""
        self.events.append(
            Fill(
                header=self.header(),
                order_id=position.order_id,
                venue=VENUE,
                status=status,
                action=OrderAction.EXIT,
                side=Side.BUY,
                strategy=position.strategy,
                legs=_filled(position.legs, Side.BUY, fill),
                price=None if fill is None else fill.price,
                lots=0 if fill is None else fill.lots,
                lot_size=position.lot_size,
                costs=costs,
                text=text,
            )
        )


def _filled(legs: tuple[Leg, ...], side: Side, fill: QuoteFill | None) -> tuple[FilledLeg, ...]:
    """Describe the legs of a fill; a naked short's one leg has the fill's price."""
    price = None if fill is None else fill.price
    return tuple(FilledLeg(contract=leg.contract, side=side, ratio=leg.ratio, price=price) for leg in legs)
