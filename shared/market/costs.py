"""What it costs to trade NSE index options: taxes, charges and brokerage by trade date, item by item."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from shared.errors import BadInputError
from shared.events import Side
from shared.market.dated_table import DatedTable, TableWarning, in_force

if TYPE_CHECKING:
    from pathlib import Path

_PAISE_PER_RUPEE = 100
_HALF = 0.5
# A product such as 9.745 lies a hair under itself in binary; the bill rounds the decimal figure.
_BINARY_SLACK = 1e-9


class Rounding(Enum):
    """How the items of a bill are rounded.

    NONE keeps them exact, PAISA rounds every item to the paisa, CONTRACT_NOTE does so too but takes securities
    transaction tax and stamp duty to the whole rupee, as brokers' notes do.
    """

    NONE = "none"
    PAISA = "paisa"
    CONTRACT_NOTE = "contract_note"


@dataclass(frozen=True, slots=True)
class CostRates:
    """Rates in force on one day, as shares of premium turnover (`gst` of the charges it is levied on).

    Attributes:
        stt_sale: securities transaction tax, seller only.
        exchange: exchange transaction charge with the investor protection levy, both sides.
        sebi: turnover fee of the regulator, both sides.
        stamp: stamp duty, buyer only.
        gst: tax on brokerage, exchange charge and SEBI fee.
    """

    stt_sale: float
    exchange: float
    sebi: float
    stamp: float
    gst: float


@dataclass(frozen=True, slots=True)
class OptionCosts:
    """Costs in rupees, by item.

    Attributes:
        quantity: units they were paid for, so that `points_per_unit` compares with premium.
        brokerage: of the broker, per order.
        stt: securities transaction tax.
        exchange: exchange transaction charge with the investor protection levy.
        sebi: turnover fee.
        stamp: stamp duty.
        gst: tax on brokerage, exchange charge and turnover fee.
    """

    quantity: int
    brokerage: float
    stt: float
    exchange: float
    sebi: float
    stamp: float
    gst: float

    @property
    def total(self) -> float:
        """Sum of the items in rupees."""
        return self.brokerage + self.stt + self.exchange + self.sebi + self.stamp + self.gst

    @property
    def total_paise(self) -> int:
        """Sum of the items in paise, half a paisa rounded up: what a ledger books."""
        return math.floor(self.total * _PAISE_PER_RUPEE + _HALF + _BINARY_SLACK)

    @property
    def points_per_unit(self) -> float:
        """Sum of the items in premium points: what the premium must fall before the seller earns."""
        return self.total / self.quantity

    def __add__(self, other: OptionCosts) -> OptionCosts:
        """Add the costs of the other leg of a round trip, which has the same quantity."""
        if self.quantity != other.quantity:
            raise BadInputError(f"a leg of {self.quantity} units", other.quantity, "OptionCosts")
        return OptionCosts(
            quantity=self.quantity,
            brokerage=self.brokerage + other.brokerage,
            stt=self.stt + other.stt,
            exchange=self.exchange + other.exchange,
            sebi=self.sebi + other.sebi,
            stamp=self.stamp + other.stamp,
            gst=self.gst + other.gst,
        )


class CostTable:
    """Rates by trade date.

    Args:
        table: rows of every rate; `CostTable.load` reads the packaged ones.
    """

    def __init__(self, table: DatedTable) -> None:
        self._table = table
        self.covered_until = table.covered_until
        rated: dict[str, type | tuple[type, ...]] = {"from": date, "rate": float}
        self._sections = {name: table.fields(name, rated) for name in ("stt_sale", "sebi", "stamp", "gst")}
        self._exchange = table.fields("exchange", {**rated, "investor_protection": float})
        self._by_day: dict[date, CostRates] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> CostTable:
        """Read the packaged rates and lay the user's file, of the same format, over them."""
        return cls(DatedTable.load("costs", path))

    def rates(self, on: date) -> CostRates:
        """Give the rates in force on a trade date; TableError before the table begins."""
        try:
            return self._by_day[on]
        except KeyError:
            exchange = in_force(self._exchange, on, "exchange charges")
            single = {name: float(in_force(rows, on, name)["rate"]) for name, rows in self._sections.items()}
            found = CostRates(exchange=float(exchange["rate"]) + float(exchange["investor_protection"]), **single)
            self._by_day[on] = found
            return found

    def staleness(self, on: date) -> list[TableWarning]:
        """Give a warning when the rates were last verified before `on`."""
        return self._table.staleness(on)


def leg_costs(
    side: Side,
    premium: float,
    quantity: int,
    on: date,
    *,
    brokerage_per_order: float = 20.0,
    orders: int = 1,
    rounding: Rounding = Rounding.NONE,
    table: CostTable | None = None,
) -> OptionCosts:
    """Give the costs in rupees of trading `quantity` units at `premium` rupees on one side.

    `orders` counts the orders the quantity was sliced into, each with its brokerage. An option left to expire has no
    closing order and costs nothing more: the exercise tax falls on its buyer. BadInputError for a premium that is
    negative or not finite, or a quantity under 1; TableError for a day before the table begins.
    """
    if not (math.isfinite(premium) and premium >= 0):
        raise BadInputError("a finite premium of 0 or more", premium, "leg_costs")
    if quantity < 1 or orders < 1:
        raise BadInputError("a quantity and a number of orders of 1 or more", (quantity, orders), "leg_costs")
    rates = (table or _packaged_table()).rates(on)
    turnover = premium * quantity
    brokerage = brokerage_per_order * orders
    exchange = turnover * rates.exchange
    sebi = turnover * rates.sebi
    duty_step = 1.0 if rounding is Rounding.CONTRACT_NOTE else 0.01
    exact = rounding is Rounding.NONE
    stt = turnover * rates.stt_sale if side is Side.SELL else 0.0
    stamp = turnover * rates.stamp if side is Side.BUY else 0.0
    gst = (brokerage + exchange + sebi) * rates.gst
    return OptionCosts(
        quantity=quantity,
        brokerage=brokerage,
        stt=stt if exact else _rounded(stt, duty_step),
        exchange=exchange if exact else _rounded(exchange, 0.01),
        sebi=sebi if exact else _rounded(sebi, 0.01),
        stamp=stamp if exact else _rounded(stamp, duty_step),
        gst=gst if exact else _rounded(gst, 0.01),
    )


def option_costs(
    sell_premium: float,
    buy_premium: float,
    quantity: int,
    on: date,
    *,
    brokerage_per_order: float = 20.0,
    orders_per_leg: int = 1,
    rounding: Rounding = Rounding.NONE,
    table: CostTable | None = None,
) -> OptionCosts:
    """Give the costs in rupees of selling `quantity` units and buying them back on day `on`: the sum of both legs."""
    sold, bought = (
        leg_costs(
            side,
            premium,
            quantity,
            on,
            brokerage_per_order=brokerage_per_order,
            orders=orders_per_leg,
            rounding=rounding,
            table=table,
        )
        for side, premium in ((Side.SELL, sell_premium), (Side.BUY, buy_premium))
    )
    return sold + bought


def _rounded(rupees: float, step: float) -> float:
    return round(math.floor(rupees / step + _HALF + _BINARY_SLACK) * step, 2)


@cache
def _packaged_table() -> CostTable:
    return CostTable.load()
