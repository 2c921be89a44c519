"""What one more position would bind and how it would pile up on one strike or expiry."""

from __future__ import annotations

from datetime import date

from services.risk.gates import RiskDenial, day_of
from services.risk.settings import RiskSettings
from shared.events import BookState, Contract, DenialCode, Signal
from shared.market.margin import short_option_margin
from shared.market.margin_table import MarginTable
from shared.market.pricing.year_fraction import MINUTES_PER_YEAR
from shared.trading.strikes import ChosenStrike

_LEAST_MINUTES = 5.0
_UNKNOWN_VOLATILITY = 0.15


def margin_per_lot(chosen: ChosenStrike, signal: Signal, margins: MarginTable) -> float:
    """Reckon the margin of one lot of the chosen strike, rupees, without any buffer."""
    market, contract = signal.market, chosen.quote.contract
    forward = market.forward if market.forward is not None else contract.strike
    today = day_of(signal.header.ts)
    return short_option_margin(
        strike=contract.strike,
        kind=contract.kind,
        expiry=date.fromisoformat(contract.expiry),
        years=max(market.minutes_to_expiry or 0.0, _LEAST_MINUTES) / MINUTES_PER_YEAR,
        volatility=chosen.quote.iv or market.atm_iv or _UNKNOWN_VOLATILITY,
        quantity=market.lot_size,
        spot=market.spot if market.spot is not None else forward,
        forward=forward,
        on=today,
        daily_volatility=margins.published_volatility(contract.underlying, today) or 0.0,
        published=margins.published_exposure(contract.underlying, today),
        table=margins,
    ).total


def concentration_denial(contract: Contract, book: BookState, settings: RiskSettings) -> RiskDenial | None:
    """Say why one more position at this contract is one too many, or None."""
    held = [position.contract for position in book.live_positions]
    if contract in held:
        return RiskDenial(DenialCode.ALREADY_OPEN, f"{contract} is already open")
    same_strike = sum((other.expiry, other.strike) == (contract.expiry, contract.strike) for other in held)
    if same_strike >= settings.max_positions_per_strike:
        return RiskDenial(
            DenialCode.STRIKE_CONCENTRATION, f"{same_strike} positions at {contract.strike:g} of {contract.expiry}"
        )
    same_expiry = sum(other.expiry == contract.expiry for other in held)
    if same_expiry >= settings.max_positions_per_expiry:
        return RiskDenial(DenialCode.EXPIRY_CONCENTRATION, f"{same_expiry} positions expire on {contract.expiry}")
    return None
