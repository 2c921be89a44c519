"""How one more position would pile up on one strike or expiry."""

from __future__ import annotations

from services.risk.gates import RiskDenial
from services.risk.settings import RiskSettings
from shared.events import BookState, Contract, DenialCode


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
