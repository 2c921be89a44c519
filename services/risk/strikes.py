"""Which strike to sell: by premium band, spread and delta."""

from __future__ import annotations

from dataclasses import dataclass

from services.risk.settings import RiskSettings
from shared.events import CandidateQuote, DenialCode, OptionKind, Signal


@dataclass(frozen=True, slots=True)
class ChosenStrike:
    """A strike and why it was chosen. `bid` and `ask` are the quotes at the decision, points."""

    quote: CandidateQuote
    bid: float
    ask: float
    reason: str


@dataclass(frozen=True, slots=True)
class NoStrike:
    """Why there is no strike to sell."""

    code: DenialCode
    text: str


def choose_strike(signal: Signal, settings: RiskSettings) -> ChosenStrike | NoStrike:
    """Choose, among the signalled side's candidates with a sound quote, the delta nearest to the target."""
    kind = OptionKind.PUT if signal.direction > 0 else OptionKind.CALL
    of_kind = [quote for quote in signal.market.candidates if quote.contract.kind is kind]
    if not of_kind:
        return NoStrike(DenialCode.NO_CANDIDATE, f"no {kind.value} among the candidates")
    quoted = [(quote, quote.bid, quote.ask) for quote in of_kind if quote.bid and quote.ask and quote.ask > quote.bid]
    if not quoted:
        return NoStrike(DenialCode.NO_QUOTE, f"none of {len(of_kind)} {kind.value} candidates has a two-sided quote")
    tight = [(quote, bid, ask) for quote, bid, ask in quoted if (ask - bid) <= settings.max_spread * 0.5 * (ask + bid)]
    if not tight:
        return NoStrike(
            DenialCode.WIDE_SPREAD, f"no spread within {settings.max_spread:.0%} of mid among {len(quoted)}"
        )
    fitting = [
        (abs(abs(quote.delta) - settings.target_delta), quote, bid, ask)
        for quote, bid, ask in tight
        if quote.delta is not None
        and settings.min_delta <= abs(quote.delta) <= settings.max_delta
        and settings.min_premium <= bid <= settings.max_premium
    ]
    if not fitting:
        return NoStrike(
            DenialCode.NO_CANDIDATE,
            f"no strike with delta {settings.min_delta:g} to {settings.max_delta:g} and premium "
            f"{settings.min_premium:g} to {settings.max_premium:g} among {len(tight)}",
        )
    _, quote, bid, ask = min(fitting, key=lambda entry: (entry[0], entry[1].contract.strike))
    reason = f"delta {quote.delta:+.2f} nearest to {settings.target_delta:g}, spread {ask - bid:.2f} on {bid:.2f}"
    return ChosenStrike(quote, bid, ask, reason)
