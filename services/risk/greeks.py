"""Limits on the Greeks of the whole book, in rupees a standard move would cost."""

from __future__ import annotations

from dataclasses import dataclass

from services.risk.settings import RiskSettings
from shared.events import CandidateQuote, OptionKind, Position, Side

_MOVE = 0.01
_VOLATILITY_POINT = 0.01


@dataclass(frozen=True, slots=True)
class BookGreeks:
    """Greeks of the book in units of the underlying: delta, gamma per point, vega per 1.00 of volatility."""

    delta: float
    gamma: float
    vega: float


def greeks_after(positions: tuple[Position, ...], quote: CandidateQuote, units: int) -> BookGreeks:
    """Add the short of `units` of a candidate to the shorts held.

    A position whose Greeks nobody knows counts with the candidate's, on its own side: the strikes sold are alike.
    """
    held = book_greeks(positions, quote)
    sold = [(greek or 0.0) * units for greek in (quote.delta, quote.gamma, quote.vega)]
    return BookGreeks(held.delta - sold[0], held.gamma - sold[1], held.vega - sold[2])


def book_greeks(positions: tuple[Position, ...], like: CandidateQuote | None = None) -> BookGreeks:
    """Add up the positions held; one whose Greeks nobody knows counts with those of `like`, or not at all."""
    delta = gamma = vega = 0.0
    guessed_delta = abs(like.delta or 0.0) if like is not None else 0.0
    guessed_gamma = (like.gamma or 0.0) if like is not None else 0.0
    guessed_vega = (like.vega or 0.0) if like is not None else 0.0
    for position in positions:
        held = position.lots * position.lot_size
        for leg in position.legs:
            units_of_leg = held * leg.ratio * (1 if leg.side is Side.SELL else -1)
            guess = (1.0 if leg.contract.kind is OptionKind.CALL else -1.0) * guessed_delta
            delta -= units_of_leg * (leg.delta if leg.delta is not None else guess)
            gamma -= units_of_leg * (leg.gamma if leg.gamma is not None else guessed_gamma)
            vega -= units_of_leg * (leg.vega if leg.vega is not None else guessed_vega)
    return BookGreeks(delta, gamma, vega)


def greeks_denial(greeks: BookGreeks, level: float, settings: RiskSettings) -> str | None:
    """Say which limit the book would break, or None.

    Args:
        greeks: of the book after the trade.
        level: of the underlying, points.
        settings: limits as fractions of capital.
    """
    for name, rupees, share, event in greek_losses(greeks, level, settings):
        if not rupees <= share * settings.capital:  # a figure that is no number passes nothing
            return f"by {name}, {event} would cost Rs {rupees:,.0f}, the limit is Rs {share * settings.capital:,.0f}"
    return None


def greek_losses(greeks: BookGreeks, level: float, settings: RiskSettings) -> tuple[tuple[str, float, float, str], ...]:
    """Give name, cost in rupees of its standard move, limit as a fraction of capital, and the move, for each Greek."""
    move = _MOVE * level
    return (
        ("delta", abs(greeks.delta) * move, settings.max_delta_loss, "a move of 1 %"),
        ("gamma", max(-0.5 * greeks.gamma * move * move, 0.0), settings.max_gamma_loss, "a move of 1 %"),
        ("vega", abs(greeks.vega) * _VOLATILITY_POINT, settings.max_vega_loss, "one point of volatility"),
    )
