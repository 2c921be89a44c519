"""How an entry order becomes a short: sold at a later snapshot than the one that caused it, or dropped with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.market.contracts import ContractTable
from shared.trading.fills import FillRules, QuoteFill, Rejected, check_band, sell
from shared.trading.position import EntryTerms, ShortPosition
from shared.trading.quotes import Quote


@dataclass(frozen=True, slots=True)
class Dropped:
    """The entry ends unfilled, or with what it has filled; in words."""

    text: str


def overdue(
    terms: EntryTerms, position: ShortPosition | None, filled_lots: int, ts: int, square_off_ns: int | None
) -> Dropped | None:
    """Tell whether an entry is to be dropped at an event time before anything fills.

    Looked at on clock ticks too: an entry nobody watches must not keep a venue's variable, and what remains of one must
    not open again what has just been closed.
    """
    if filled_lots and (position is None or position.exit_reason is not None):
        return Dropped("its position is closing")
    if ts > terms.valid_until_ns:
        return Dropped("not filled within its validity")
    if square_off_ns is not None and ts >= square_off_ns:
        return Dropped("too late in the day to open")
    return None


def enter(
    terms: EntryTerms, filled_lots: int, quote: Quote, on: date, rules: FillRules, contracts: ContractTable
) -> QuoteFill | Rejected | Dropped | None:
    """Sell what is left of an entry into a quote.

    Returns:
        What was sold; a rejection by the price band; Dropped when the stop was crossed first; None when this quote fills
        nothing, or is too wide to be one, and the order goes on.
    """
    stop, target = terms.stop_price, terms.target_price
    if quote.beyond is not None:
        return None
    if stop is not None and quote.ask is not None and quote.ask >= stop:
        return Dropped("its stop was crossed before it filled")
    if not filled_lots:
        rejected = check_band(terms.contract.underlying, quote, terms.limit_price, on, rules, contracts)
        if rejected is not None:
            return rejected
    fill = sell(quote, lots=terms.lots - filled_lots, lot_size=terms.lot_size, limit=terms.limit_price, rules=rules)
    if fill is None or stop is None or target is None:
        return None
    # An entry whose stop is already crossed, or whose target is already passed, is not worth opening.
    cost = quote.ask if quote.ask is not None else fill.price
    return fill if cost < stop and fill.price > target else None
