"""What a seller would have earned: one short premium, traded by the rules the executor trades by.

Every step is a function of `shared.trading`: sold at a later snapshot than the deciding one, watched at each snapshot
and clock tick, bought back at a later snapshot than the one that triggered it, settled if the exchange ends it that day.
A short that nobody could buy back by the close has no outcome yet: its label is censored, never invented. Impact, depth
and price bands are the executor's. The seller gains when the premium falls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

from shared.clock import NS_PER_MINUTE, ist_date
from shared.errors import BadInputError
from shared.events import Contract, EntryContext, ExitReason, Leg, Side, SignalMode, sold
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.trading.charges import charge
from shared.trading.entries import Dropped, enter, overdue
from shared.trading.exits import LeaveRules, StopRules, leave, time_exit, watch
from shared.trading.fills import QuoteFill, Rejected
from shared.trading.mark_to_market import note_unquoted, observe
from shared.trading.position import PAISE, ShortPosition
from shared.trading.quotes import Quote
from shared.trading.settlement import settlement_price

NO_CONTEXT: Final = EntryContext(
    signal_id="",
    direction=0,
    confidence=0.0,
    regime="",
    mode=SignalMode.TRADITIONAL,
    model_version="",
    schema_id="",
    features=(),
    top_features=(),
)
"""Of a trade that nobody made."""


def no_price(_row: int, _measured: int) -> float | None:
    """Know no model price."""
    return None


@dataclass(frozen=True, slots=True)
class QuotePath:
    """Quotes of one contract over one session.

    Attributes:
        contract: whose.
        ts: event times, ns, ascending.
        quotes: one per event time.
        settlement: index level the contract settles at if it ends with this session, None when unknown.
        ends: whether it ends with this session.
        theoretical: model price at a row by the volatility of the two-sided quote at an earlier one, points; None where
            nobody can tell.
    """

    contract: Contract
    ts: Sequence[int]
    quotes: Sequence[Quote]
    settlement: float | None = None
    ends: bool = False
    theoretical: Callable[[int, int], float | None] = no_price

    def __post_init__(self) -> None:
        """Refuse columns that do not match or stamps that do not ascend."""
        if len(self.ts) != len(self.quotes):
            raise BadInputError("stamps and quotes of one length", (len(self.ts), len(self.quotes)), "QuotePath")
        for row in range(1, len(self.ts)):
            if self.ts[row] <= self.ts[row - 1]:
                raise BadInputError("ascending stamps", self.ts[row], f"QuotePath row {row}")


@dataclass(frozen=True, slots=True)
class ShortOrder:
    """An entry order as risk would have placed it; an `EntryTerms` of `shared.trading`.

    Attributes:
        limit_price: least the sale may fetch, points.
        stop_price, target_price: premiums that close the position, points.
        trail_points: distance of the trailing stop from the lowest ask, points; None: no trail.
        valid_until_ns: an entry not filled by then expires.
        time_exit_ns: closes the position; so does `square_off_ns`, None where it is carried by choice.
        lots: ordered.
        lot_size: units per lot.
        beat_ns: of the clock ticks, on round multiples of event time.
    """

    contract: Contract
    limit_price: float
    stop_price: float
    target_price: float
    trail_points: float | None
    valid_until_ns: int
    time_exit_ns: int
    square_off_ns: int | None
    lots: int
    lot_size: int
    beat_ns: int = NS_PER_MINUTE
    strategy: str = "label"

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The one contract, sold."""
        return sold(self.contract)


class PaperRules(LeaveRules, StopRules, Protocol):
    """How paper orders fill, how positions are marked and what an order costs; the executor's settings are one."""

    @property
    def brokerage_per_order(self) -> float:
        """Rupees."""
        ...


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """What a fill depends on beside its quote.

    Attributes:
        rules: impact, depth, bands, brokerage.
        contracts: price bands by date.
        costs: rates by trade date.
    """

    rules: PaperRules
    contracts: ContractTable
    costs: CostTable


@dataclass(frozen=True, slots=True)
class ShortOutcome:
    """How one short trade ended.

    Attributes:
        entry_ts, exit_ts: of the first and the last fill, ns.
        entry, exit: average premium sold and bought at, points.
        net: (entry - exit) less the costs of both legs, points per unit.
        reason: what closed it.
        lots: that were sold.
    """

    entry_ts: int
    exit_ts: int
    entry: float
    exit: float
    net: float
    reason: ExitReason
    lots: int = 1

    @property
    def pays(self) -> bool:
        """Whether the seller earned anything after costs."""
        return self.net > 0.0

    @property
    def net_return(self) -> float:
        """Net result as a share of the premium sold."""
        return self.net / self.entry


@dataclass(frozen=True, slots=True)
class CensoredOutcome:
    """A short that was sold and had no end within its session.

    Attributes:
        entry_ts: of the first fill, ns.
        lots: still open at the close.
        mark: cost of closing as last known, points; no price anybody could have had.
    """

    entry_ts: int
    lots: int
    mark: float


def short_outcome(
    path: QuotePath, at: int, order: ShortOrder, terms: PaperTerms
) -> ShortOutcome | CensoredOutcome | None:
    """Trade one short option decided at row `at` of its path to its end.

    Args:
        path: quotes of the sold contract, to the end of its session.
        at: row of the decision; nothing of it enters the result but its place in time.
        order: levels and limits.
        terms: impact, depth, bands and costs.

    Returns:
        None when nothing was sold: no later snapshot in time, no bid, a bid under the limit, a limit outside the price
        band, or a market that has already run through stop or target. CensoredOutcome when it was sold and neither bought
        back nor settled at a known level by the end of the path.
    """
    trade = _PaperTrade(path, order, terms, ist_date(path.ts[at]))
    for row in range(at + 1, len(path.ts)):
        trade.tick(row)
        if trade.step(row):
            return trade.outcome()
    return trade.end()


@dataclass(slots=True)
class _PaperTrade:
    """One order's life, event by event, in the executor's order of steps."""

    path: QuotePath
    order: ShortOrder
    terms: PaperTerms
    on: date
    position: ShortPosition | None = None
    working: bool = True
    filled: int = 0
    exit_ts: int = 0
    measured: int = -1
    _limits: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._limits = tuple(
            -(-limit // self.order.beat_ns) * self.order.beat_ns
            for limit in (self.order.time_exit_ns, self.order.square_off_ns)
            if limit is not None
        )

    def tick(self, row: int) -> None:
        """Let the clock ticks between two snapshots close the position when its time is over."""
        position, before, after = self.position, self.path.ts[row - 1], self.path.ts[row]
        if position is None or position.exit_reason is not None:
            return
        for tick in sorted(self._limits):
            if before < tick < after:
                position.trigger(time_exit(position, tick, self.order.square_off_ns), row - 1, tick)

    def step(self, row: int) -> bool:
        """Take a snapshot: drop, buy back, sell, watch. Say whether the trade is over, or can never begin."""
        order, terms, ts, quote = self.order, self.terms, self.path.ts[row], self.path.quotes[row]
        if self.working and overdue(order, self.position, self.filled, ts, order.square_off_ns) is not None:
            self.working = False
        if self._bought_back(ts, quote, row):
            return True
        if self.working:
            fill = enter(order, self.filled, quote, self.on, terms.rules, terms.contracts)
            if isinstance(fill, Dropped | Rejected):
                self.working = False
            elif fill is not None:
                self._book_sale(fill, ts, quote)
        position = self.position
        if position is None:
            return not self.working
        self._mark(position, quote, row)
        watch(position, quote, ts, order.square_off_ns, row, terms.rules)
        return False

    def end(self) -> ShortOutcome | CensoredOutcome | None:
        """Settle at the close what the exchange ends; what it does not end, or at no known level, has no outcome yet."""
        position = self.position
        if position is None:
            return None
        if not self.path.ends or self.path.settlement is None:
            return CensoredOutcome(position.entry_ts, position.open_lots, position.mark)
        price = settlement_price(position.contract, self.path.settlement)
        position.exit_reason = ExitReason.EXPIRY
        position.buy(QuoteFill(position.open_lots, price), 0)
        self.exit_ts = self.path.ts[-1]
        return self.outcome()

    def outcome(self) -> ShortOutcome | None:
        """Sum a finished trade up; None when there was none."""
        position = self.position
        if position is None or position.exit_reason is None:
            return None
        units = position.lots * position.lot_size
        net_paise = position.entry_paise - position.exit_paise - position.costs_paise
        return ShortOutcome(
            entry_ts=position.entry_ts,
            exit_ts=self.exit_ts,
            entry=position.entry_price,
            exit=position.exit_price,
            net=net_paise / (PAISE * units),
            reason=position.exit_reason,
            lots=position.lots,
        )

    def _mark(self, position: ShortPosition, quote: Quote, row: int) -> None:
        if quote.ask is not None:
            observe(position, quote.ask, self.path.ts[row])
            if quote.bid is not None and quote.bid <= quote.ask:
                self.measured = row
            return
        theoretical = self.path.theoretical(row, self.measured) if self.measured >= 0 else None
        note_unquoted(position, theoretical, self.path.ts[row], self.terms.rules)

    def _bought_back(self, ts: int, quote: Quote, row: int) -> bool:
        position, terms = self.position, self.terms
        if position is None or position.exit_reason is None or position.exit_seq >= row:
            return False
        fill = leave(position, quote, ts, terms.rules, terms.contracts)
        if not isinstance(fill, QuoteFill):
            return False
        self._mark(position, quote, row)
        position.buy(fill, self._charge(Side.BUY, fill, first=position.exited_lots == 0))
        self.exit_ts = ts
        return not position.open_lots

    def _book_sale(self, fill: QuoteFill, ts: int, quote: Quote) -> None:
        costs = self._charge(Side.SELL, fill, first=self.filled == 0)
        if self.position is None:
            self.position = ShortPosition.open("label", self.order, NO_CONTEXT, fill, quote.ask, ts)
        self.position.sell(fill, costs)
        self.filled += fill.lots
        self.working = self.filled < self.order.lots

    def _charge(self, side: Side, fill: QuoteFill, *, first: bool) -> int:
        rules = self.terms.rules
        return charge(
            side,
            fill,
            self.order.lot_size,
            self.on,
            first=first,
            brokerage_per_order=rules.brokerage_per_order,
            costs=self.terms.costs,
        ).total_paise


__all__ = ["CensoredOutcome", "PaperTerms", "QuotePath", "ShortOrder", "ShortOutcome", "short_outcome"]
