"""What trades gave away between mid and fill, reckoned from snapshots and fills alone, beside what they say themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from shared.events import ChainSnapshot, Event, Fill, Side, Trade
from shared.trading.quotes import quote_of

ROUNDING_PAISE = 2
"""Three parts are rounded to paise, the fourth takes what that leaves."""


@dataclass
class SpreadWatch:
    """Sees the events of a run; `check` holds every trade against them."""

    trades: list[Trade] = field(default_factory=list)
    compared: int = 0
    partial_exits: int = 0
    _chains: dict[tuple[str, int], ChainSnapshot] = field(default_factory=dict)
    _fills: dict[str, list[Fill]] = field(default_factory=lambda: defaultdict(list))

    def see(self, event: Event) -> None:
        if isinstance(event, ChainSnapshot):
            self._chains[event.underlying, event.header.seq] = event
        elif isinstance(event, Fill) and event.lots:
            self._fills[event.order_id].append(event)
        elif isinstance(event, Trade):
            self.trades.append(event)

    def check(self) -> None:
        """The parts of each trade add up to its net; its spread is that of its fills, where all had a mid."""
        for trade in self.trades:
            made_of = trade.attribution
            assert made_of is not None
            assert made_of.net_paise == sum(made_of.parts()) == trade.net_pnl_paise
            assert made_of.charges_paise == -trade.costs_paise
            fills = self._fills[trade.entry_order_id]
            self.partial_exits += sum(fill.side is Side.BUY for fill in fills) > 1
            lost = [self._lost_paise(fill) for fill in fills]
            known = [each for each in lost if each is not None]
            if len(known) == len(lost):
                self.compared += 1
                assert abs(made_of.spread_and_impact_paise + sum(known)) <= ROUNDING_PAISE, trade

    def _lost_paise(self, fill: Fill) -> float | None:
        assert fill.price is not None
        chain = self._chains.get((fill.contract.underlying, fill.header.seq))
        mid = None if chain is None else quote_of(chain, fill.contract).mid
        if mid is None:
            return None
        away = mid - fill.price if fill.side is Side.SELL else fill.price - mid
        return away * fill.lots * fill.lot_size * 100
