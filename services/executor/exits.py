"""When a position must be closed. Pure rules on the position, the quote and the event time."""

from __future__ import annotations

from services.executor.quotes import Quote
from services.executor.state import OpenPosition
from shared.events import ExitReason


def price_exit(position: OpenPosition, quote: Quote) -> ExitReason | None:
    """Tell whether the quote closes the position.

    A short option is closed at the ask, so the ask decides. Without an ask, a bid at or above the stop proves that
    the ask would be there too. Stop and trail come before the target: the worse reading wins.
    """
    cost = quote.ask if quote.ask is not None else quote.bid
    if cost is None:
        return None
    if cost >= position.stop_now:
        return ExitReason.TRAIL if position.trailing else ExitReason.STOP
    if quote.ask is not None and quote.ask <= position.target:
        return ExitReason.TARGET
    return None


def time_exit(position: OpenPosition, ts: int, square_off_ns: int | None) -> ExitReason | None:
    """Tell whether the event time closes the position."""
    if square_off_ns is not None and ts >= square_off_ns:
        return ExitReason.SQUARE_OFF
    if position.time_exit_ns is not None and ts >= position.time_exit_ns:
        return ExitReason.TIME
    return None


def observe(position: OpenPosition, quote: Quote, ts: int) -> None:
    """Fold a quote into the position's mark and excursions; without an ask the last good mark stays, with its age."""
    if quote.ask is None:
        return
    position.mark = quote.ask
    position.mark_ts = ts
    position.best = min(position.best, quote.ask)
    position.worst = max(position.worst, quote.ask)
    position.stale_alerted = False
