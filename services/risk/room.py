"""How many lots of a candidate the book has room for: its Greeks, a jump of the index, and what the day may still lose."""

from __future__ import annotations

from services.risk.gates import RiskDenial
from services.risk.greeks import greeks_after, greeks_denial
from services.risk.settings import RiskSettings
from services.risk.stops import expected_stop_fill, stop_overshoot
from shared.clock import ist_date
from shared.events import BookState, CandidateQuote, DenialCode, MarketView, Position
from shared.market.pricing import MINUTES_PER_YEAR
from shared.trading.stress import LIMITED_MOVE, StressedLeg, stress_ladder, stressed_legs

_PAISE = 100.0
_UNKNOWN_VOLATILITY = 0.15
_LEAST_MINUTES = 5.0


def day_room(book: BookState, lost_paise: int, settings: RiskSettings) -> float:
    """Give what new positions may still lose today, rupees: the hard cap less the day's loss less what stops may cost.

    Args:
        book: its positions have stops.
        lost_paise: since the day began.
        settings: limits in force.
    """
    cap = settings.capital * settings.max_daily_loss * settings.hard_day_loss_multiple
    at_stops = sum(_loss_from_here(each, book, settings) for each in book.live_positions)
    return cap - lost_paise / _PAISE - at_stops


def _loss_from_here(position: Position, book: BookState, settings: RiskSettings) -> float:
    overshoot = stop_overshoot(position.contract.expiry, ist_date(book.header.ts), settings)
    fill = expected_stop_fill(position.entry_price, position.stop_price, overshoot)
    return max(fill - position.mark_price, 0.0) * position.lots * position.lot_size


def room_denial(
    book: BookState, quote: CandidateQuote, market: MarketView, lots: int, settings: RiskSettings
) -> RiskDenial | None:
    """Say which limit of the whole book so many lots would break, or None."""
    units = lots * market.lot_size
    level = market.forward or market.spot or quote.contract.strike
    text = greeks_denial(greeks_after(book.live_positions, quote, units), level, settings)
    if text is not None:
        return RiskDenial(DenialCode.GREEKS_LIMIT, text)
    ladder = stress_ladder([*stressed_legs(book.live_positions, level), _candidate(quote, market, units, level)])
    loss, limit = ladder.limited_loss, settings.max_stress_loss * settings.capital
    if not loss <= limit:  # a figure that is no number passes nothing
        words = f"a jump of {LIMITED_MOVE:.0%} would cost Rs {loss:,.0f}, the limit is Rs {limit:,.0f}"
        return RiskDenial(DenialCode.STRESS_LIMIT, words)
    return None


def _candidate(quote: CandidateQuote, market: MarketView, units: int, level: float) -> StressedLeg:
    years = market.years_to_expiry
    if years is None:  # a view of a former version, whose volatilities are the calendar's
        years = max(market.minutes_to_expiry or 0.0, _LEAST_MINUTES) / MINUTES_PER_YEAR
    return StressedLeg(
        contract=quote.contract,
        units=-units,
        mark=quote.bid or 0.0,
        forward=level,
        years=years,
        volatility=quote.iv or market.atm_iv or _UNKNOWN_VOLATILITY,
    )
