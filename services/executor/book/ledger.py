"""Bookings: every fill changes cash, costs and the position together, in whole paise."""

from __future__ import annotations

from dataclasses import dataclass

from services.executor.book.state import ExecutorState, WorkingEntry
from services.executor.settings import ExecutorSettings
from shared.clock import ist_date
from shared.events import Header, LegCosts, Side, Trade, TradeLeg, TradeStatistics, with_outcome
from shared.market.costs import CostTable
from shared.trading.charges import charge
from shared.trading.fills import QuoteFill
from shared.trading.position import PAISE, ShortPosition


@dataclass(frozen=True, slots=True)
class Ledger:
    """Books fills of one venue at the costs of their date."""

    settings: ExecutorSettings
    costs: CostTable

    def charge(self, side: Side, fill: QuoteFill, lot_size: int, ts: int, *, first: bool) -> LegCosts:
        """Itemise the costs of a fill; brokerage falls on an order once, with its first fill."""
        return charge(
            side,
            fill,
            lot_size,
            ist_date(ts),
            first=first,
            brokerage_per_order=self.settings.brokerage_per_order,
            costs=self.costs,
        )

    def book_sale(
        self, state: ExecutorState, working: WorkingEntry, fill: QuoteFill, ask: float | None, ts: int
    ) -> LegCosts:
        """Open the position of an entry, or add to it."""
        order = working.order
        costs = self.charge(Side.SELL, fill, order.lot_size, ts, first=working.filled_lots == 0)
        working.filled_lots += fill.lots
        order_id = order.header.id
        position = state.positions.get(order_id)
        if position is None:
            position = state.positions[order_id] = ShortPosition.open(order_id, order, order.entry, fill, ask, ts)
        received = position.sell(fill, costs.total_paise)
        state.cash_paise += received - costs.total_paise
        state.day_costs_paise += costs.total_paise
        position.margin_paise = order.margin_paise * position.lots // order.lots
        return costs

    def book_purchase(self, state: ExecutorState, position: ShortPosition, fill: QuoteFill, ts: int) -> LegCosts:
        """Buy back lots of a position at the market."""
        costs = self.charge(Side.BUY, fill, position.lot_size, ts, first=position.exited_lots == 0)
        self._pay(state, position, fill, costs.total_paise)
        return costs

    def book_settlement(self, state: ExecutorState, position: ShortPosition, price: float) -> None:
        """Settle what is open in cash at `price` points: no order, no costs for the seller."""
        self._pay(state, position, QuoteFill(position.open_lots, price), 0)

    def close(self, state: ExecutorState, position: ShortPosition, header: Header) -> Trade:
        """Turn a position that is bought back whole into a trade and count it."""
        if position.exit_reason is None or position.open_lots:
            raise ValueError(
                f"expected position {position.order_id} bought back for a reason, got {position.open_lots} lots open"
            )
        gross = position.entry_paise - position.exit_paise
        net = gross - position.costs_paise
        del state.positions[position.order_id]
        state.day_trades += 1
        state.day_realised_paise += net
        state.realised_paise += net
        state.statistics = _counted(state.statistics, net, _planned_paise(position))
        entry_price = position.entry_price
        return Trade(
            header=header,
            entry_order_id=position.order_id,
            strategy=position.strategy,
            legs=tuple(
                TradeLeg(
                    contract=leg.contract,
                    side=leg.side,
                    ratio=leg.ratio,
                    entry_price=entry_price,
                    exit_price=position.exit_price,
                )
                for leg in position.legs
            ),
            lots=position.lots,
            lot_size=position.lot_size,
            entry_ts=position.entry_ts,
            entry_price=entry_price,
            exit_price=position.exit_price,
            stop_price=position.stop,
            target_price=position.target,
            gross_pnl_paise=gross,
            costs_paise=position.costs_paise,
            net_pnl_paise=net,
            mfe=round(max(entry_price - position.best, 0.0), 4),
            mae=round(max(position.worst - entry_price, 0.0), 4),
            holding_ns=header.ts - position.entry_ts,
            exit_reason=position.exit_reason,
            entry=position.entry,
            attribution=position.attributed,
        )

    @staticmethod
    def _pay(state: ExecutorState, position: ShortPosition, fill: QuoteFill, costs_paise: int) -> None:
        paid = position.buy(fill, costs_paise)
        state.cash_paise -= paid + costs_paise
        state.day_costs_paise += costs_paise


def _planned_paise(position: ShortPosition) -> float | None:
    planned = position.entry.planned_loss
    return planned * position.lots * PAISE if planned else None


def _counted(statistics: TradeStatistics, net_paise: int, planned_paise: float | None) -> TradeStatistics:
    won = net_paise > 0
    outcomes = statistics.outcomes
    if planned_paise is not None:
        outcomes = with_outcome(outcomes, net_paise / planned_paise)
    return TradeStatistics(
        trades=statistics.trades + 1,
        wins=statistics.wins + won,
        losses=statistics.losses + (not won),
        won_paise=statistics.won_paise + (net_paise if won else 0),
        lost_paise=statistics.lost_paise + (0 if won else -net_paise),
        consecutive_losses=0 if won else statistics.consecutive_losses + 1,
        outcomes=outcomes,
    )
