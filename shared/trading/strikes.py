"""Which strike to sell: nearest tradable expiry, then premium band, spread, depth, delta and the wall of open interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.clock import ist_date
from shared.events import CandidateQuote, DenialCode, OptionKind, Signal


class StrikeRules(Protocol):
    """Which strikes may be sold; risk's settings are one."""

    @property
    def min_delta(self) -> float:
        """Least absolute delta sold."""
        ...

    @property
    def max_delta(self) -> float:
        """Greatest absolute delta sold."""
        ...

    @property
    def target_delta(self) -> float:
        """Absolute delta looked for."""
        ...

    @property
    def expiry_day_max_delta(self) -> float:
        """Greatest absolute delta on the day of expiry."""
        ...

    @property
    def min_premium(self) -> float:
        """Least bid, points."""
        ...

    @property
    def max_premium(self) -> float:
        """Greatest bid, points."""
        ...

    @property
    def max_spread(self) -> float:
        """Widest spread as a share of mid."""
        ...

    @property
    def oi_wall_weight(self) -> float:
        """Delta the strike of the greatest open interest may be worse by."""
        ...

    @property
    def expiry_day_last_minutes(self) -> float:
        """No entry this close to the expiry, minutes."""
        ...

    @property
    def min_open_interest(self) -> int:
        """Least open interest, contracts."""
        ...


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


@dataclass(frozen=True, slots=True)
class _Quoted:
    quote: CandidateQuote
    bid: float
    ask: float


def choose_strike(signal: Signal, rules: StrikeRules) -> ChosenStrike | NoStrike:
    """Choose among the signalled side's candidates the delta nearest to the target.

    A candidate needs a two-sided quote with a narrow spread, a bid of at least one lot, some open interest, and premium
    and delta inside their bands. The strike with the side's greatest open interest is where most writers defend: it is
    taken when its delta is not more than `oi_wall_weight` worse.
    """
    kind = OptionKind.PUT if signal.direction > 0 else OptionKind.CALL
    of_kind = [quote for quote in signal.market.candidates if quote.contract.kind is kind]
    if not of_kind:
        return NoStrike(DenialCode.NO_CANDIDATE, f"no {kind.value} among the candidates")
    expiry = min(quote.contract.expiry for quote in of_kind)
    refused = _expiry_denial(signal, expiry, rules)
    if refused is not None:
        return refused
    sound = _sound(signal, [quote for quote in of_kind if quote.contract.expiry == expiry], rules)
    if isinstance(sound, NoStrike):
        return sound
    expires_today = expiry == ist_date(signal.header.ts).isoformat()
    most = min(rules.max_delta, rules.expiry_day_max_delta) if expires_today else rules.max_delta
    fitting = [
        each
        for each in sound
        if each.quote.delta is not None
        and rules.min_delta <= abs(each.quote.delta) <= most
        and rules.min_premium <= each.bid <= rules.max_premium
    ]
    if not fitting:
        return NoStrike(
            DenialCode.NO_CANDIDATE,
            f"no strike with delta {rules.min_delta:g} to {most:g} and premium "
            f"{rules.min_premium:g} to {rules.max_premium:g} among {len(sound)}",
        )
    return _best(fitting, most, rules)


def _expiry_denial(signal: Signal, expiry: str, rules: StrikeRules) -> NoStrike | None:
    today = ist_date(signal.header.ts).isoformat()
    minutes = signal.market.minutes_to_expiry
    if expiry < today:
        return NoStrike(DenialCode.EXPIRY_DAY, f"{expiry} has expired")
    if expiry == today and minutes is not None and minutes < rules.expiry_day_last_minutes:
        return NoStrike(
            DenialCode.EXPIRY_DAY,
            f"{minutes:.0f} minutes to expiry, at least {rules.expiry_day_last_minutes:.0f} needed",
        )
    return None


def _sound(signal: Signal, of_kind: list[CandidateQuote], rules: StrikeRules) -> list[_Quoted] | NoStrike:
    quoted = [_Quoted(each, each.bid, each.ask) for each in of_kind if each.bid and each.ask and each.ask > each.bid]
    if not quoted:
        return NoStrike(DenialCode.NO_QUOTE, f"none of {len(of_kind)} candidates has a two-sided quote")
    tight = [each for each in quoted if each.ask - each.bid <= rules.max_spread * 0.5 * (each.ask + each.bid)]
    if not tight:
        return NoStrike(DenialCode.WIDE_SPREAD, f"no spread within {rules.max_spread:.0%} of mid among {len(quoted)}")
    lot = signal.market.lot_size
    deep = [
        each
        for each in tight
        if (each.quote.bid_qty is None or each.quote.bid_qty >= lot)
        and (each.quote.oi is None or each.quote.oi >= rules.min_open_interest)
    ]
    if not deep:
        return NoStrike(
            DenialCode.THIN_MARKET,
            f"no bid for a lot of {lot} with open interest of {rules.min_open_interest} among {len(tight)}",
        )
    return deep


def _best(fitting: list[_Quoted], most: float, rules: StrikeRules) -> ChosenStrike:
    # A strike just inside the band beats one just outside the target on expiry day, where the band ends early.
    target = min(rules.target_delta, most)
    wall = max((each.quote.oi or 0 for each in fitting), default=0)

    def distance(each: _Quoted) -> tuple[float, float]:
        at_wall = rules.oi_wall_weight if wall and each.quote.oi == wall else 0.0
        return abs(abs(each.quote.delta or 0.0) - target) - at_wall, each.quote.contract.strike

    best = min(fitting, key=distance)
    quote = best.quote
    strike_words = (
        f"{quote.contract.kind.value} {quote.contract.strike:g}: delta {quote.delta:+.2f} nearest to {target:g}"
    )
    wall_words = ", at the greatest open interest" if wall and quote.oi == wall else ""
    reason = (
        f"{strike_words} of {len(fitting)} strikes{wall_words}, "
        f"spread {best.ask - best.bid:.2f} on {best.bid:.2f}, expiry {quote.contract.expiry}"
    )
    return ChosenStrike(quote, best.bid, best.ask, reason)
