"""When a position must be closed. Pure rules on the position, the quote and the event time."""

from __future__ import annotations

from typing import Final, Protocol

from shared.clock import NS_PER_SECOND, ist_date
from shared.events import ExitReason, MarkSource
from shared.market.contracts import ContractTable
from shared.trading.fills import FillRules, QuoteFill, Rejected, buy
from shared.trading.mark_to_market import MarkRules
from shared.trading.position import ShortPosition
from shared.trading.quotes import Quote

_STOPS: Final = frozenset({ExitReason.STOP, ExitReason.TRAIL})


class StopRules(Protocol):
    """When a stop is one to act on; the executor's settings are one."""

    @property
    def stop_confirmation(self) -> bool:
        """Whether a stop that no bid proves waits for the next snapshot to say so again."""
        ...


class LeaveRules(FillRules, MarkRules, Protocol):
    """How exits fill, and how long they wait for a quote; the executor's settings are one."""


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


def is_proven(position: ShortPosition, quote: Quote) -> bool:
    """Say whether a stop or trail that the cost of closing has reached is one to act on.

    A quote of two sides with its bid there proves it at once: somebody would buy at that price. An ask alone, a bid
    alone or a theoretical price must say so at two snapshots in a row, and a chain that merely came again says nothing.
    A snapshot that tells no cost of closing neither proves nor disproves, and neither does a bid alone under the stop.
    """
    two_sided = quote.mid is not None
    if two_sided and quote.bid is not None and quote.bid >= position.stop_now:
        return True
    return position.stop_seen and not quote.repeated


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


def watch(
    position: ShortPosition, quote: Quote, ts: int, square_off_ns: int | None, seq: int, rules: StopRules
) -> bool:
    """Look at a marked position at one snapshot and put its exit under way; say whether this did."""
    reason, cost = price_exit(position, quote), decisive_cost(position, quote)
    if reason in _STOPS:
        proven = not rules.stop_confirmation or is_proven(position, quote)
        position.stop_seen = True
        reason = reason if proven else None
    elif quote.ask is not None or position.mark_source is MarkSource.THEORETICAL:
        position.stop_seen = False
    reason = reason or time_exit(position, ts, square_off_ns)
    triggered = position.trigger(reason, seq, ts)
    if triggered:
        position.exit_cost = cost
    return triggered


def leave(
    position: ShortPosition, quote: Quote, ts: int, rules: LeaveRules, contracts: ContractTable
) -> QuoteFill | Rejected | None:
    """Buy back what is still open, as far as quote, depth and price band allow.

    A quote too wide to be one is waited out for as long as a missing one is bridged; one that lasts longer is the market.
    """
    if quote.beyond is not None and (ts - position.exit_ts) / NS_PER_SECOND > rules.quote_trusted_seconds:
        quote = quote.beyond
    return buy(
        quote,
        lots=position.open_lots,
        lot_size=position.lot_size,
        underlying=position.contract.underlying,
        on=ist_date(ts),
        rules=rules,
        contracts=contracts,
    )
