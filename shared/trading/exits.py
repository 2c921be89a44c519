"""When a position must be closed. Pure rules on the position, the quote and the event time."""

from __future__ import annotations

from datetime import date

from shared.events import ExitReason, MarkSource
from shared.market.contracts import ContractTable
from shared.trading.fills import FillRules, QuoteFill, Rejected, buy
from shared.trading.position import ShortPosition
from shared.trading.quotes import Quote


def price_exit(position: ShortPosition, quote: Quote) -> ExitReason | None:
    """Tell whether the price closes the position.

    A short option is closed at the ask, so the ask decides. Without an ask, a bid at or above the stop proves that
    the ask would be there too, and else a theoretical mark decides about the stop; it never claims a target. Stop and
    trail come before the target: the worse reading wins.
    """
    cost = decisive_cost(position, quote)
    if cost is None:
        return None
    if cost >= position.stop_now:
        return ExitReason.TRAIL if position.trailing else ExitReason.STOP
    if quote.ask is not None and quote.ask <= position.target:
        return ExitReason.TARGET
    return None


def decisive_cost(position: ShortPosition, quote: Quote) -> float | None:
    """Give the cost of closing that stop and trail are judged by, points; None when nothing new is known."""
    if quote.ask is not None:
        return quote.ask
    known = [quote.bid] if quote.bid is not None else []
    if position.mark_source is MarkSource.THEORETICAL:
        known.append(position.mark)
    return max(known, default=None)


def time_exit(position: ShortPosition, ts: int, square_off_ns: int | None) -> ExitReason | None:
    """Tell whether the event time closes the position."""
    if square_off_ns is not None and ts >= square_off_ns:
        return ExitReason.SQUARE_OFF
    if position.time_exit_ns is not None and ts >= position.time_exit_ns:
        return ExitReason.TIME
    return None


def watch(position: ShortPosition, quote: Quote, ts: int, square_off_ns: int | None, seq: int) -> bool:
    """Look at a marked position at one snapshot and put its exit under way; say whether this did."""
    reason = price_exit(position, quote) or time_exit(position, ts, square_off_ns)
    triggered = position.trigger(reason, seq, ts)
    if triggered:
        position.exit_cost = decisive_cost(position, quote)
    return triggered


def leave(
    position: ShortPosition, quote: Quote, on: date, rules: FillRules, contracts: ContractTable
) -> QuoteFill | Rejected | None:
    """Buy back what is still open, as far as quote, depth and price band allow."""
    return buy(
        quote,
        lots=position.open_lots,
        lot_size=position.lot_size,
        underlying=position.contract.underlying,
        on=on,
        rules=rules,
        contracts=contracts,
    )
