"""Events as the API answers and the page shows them, typed. Times are ISO 8601 in IST, money in paise, prices in points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.events import Attribution, CandidateQuote, Denial, Leg, Position, PositionStatus, Signal, Trade
from shared.text.formatting import (
    confidence_word,
    direction_label,
    direction_meaning,
    iso_text,
    sold_label,
    trade_log_line,
)

_TOP = 6
_PAISE = 100


class Answer(BaseModel):
    """Base of every answer: frozen, nothing undeclared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MarketAnswer(Answer):
    """One underlying at its newest snapshot. Volatilities are decimals."""

    underlying: str
    at: str
    spot: float | None
    forward: float | None
    atm_iv: float | None
    vix: float | None
    expiry: str | None
    source: str
    quality: tuple[str, ...]


class ContributionAnswer(Answer):
    """One feature's part in a decision; positive speaks for the chosen side."""

    name: str
    value: float | None
    contribution: float


class LegAnswer(Answer):
    """One leg of a structure: contract, side and lots of it per lot of the structure."""

    contract: str
    side: str
    ratio: int

    @classmethod
    def all_of(cls, legs: Sequence[Leg]) -> tuple[Self, ...]:
        """Show legs."""
        return tuple(cls(contract=str(leg.contract), side=leg.side.value, ratio=leg.ratio) for leg in legs)


class SignalAnswer(Answer):
    """One decision of the predictor, in the seller's words."""

    id: str
    at: str
    strategy: str
    direction: int
    label: str
    meaning: str
    confidence: float
    confidence_word: str
    threshold: float
    p_put_pays: float | None
    p_call_pays: float | None
    regime: str
    mode: str
    fallback_reason: str | None
    model_version: str
    reason: str
    top_features: tuple[ContributionAnswer, ...]
    underlying: str
    forward: float | None
    atm_iv: float | None
    candidates: int

    @classmethod
    def of(cls, signal: Signal) -> Self:
        """Show a signal."""
        quotes: tuple[CandidateQuote, ...] = signal.market.candidates
        return cls(
            id=signal.header.id,
            at=iso_text(signal.header.ts),
            strategy=signal.strategy,
            direction=signal.direction,
            label=direction_label(signal.direction),
            meaning=direction_meaning(signal.direction),
            confidence=signal.confidence,
            confidence_word=confidence_word(signal.confidence),
            threshold=signal.threshold,
            p_put_pays=signal.p_put_pays,
            p_call_pays=signal.p_call_pays,
            regime=signal.regime,
            mode=signal.mode.value,
            fallback_reason=signal.fallback_reason,
            model_version=signal.model_version,
            reason=signal.reason,
            top_features=tuple(
                ContributionAnswer(name=part.name, value=part.value, contribution=part.contribution)
                for part in signal.top_features[:_TOP]
            ),
            underlying=signal.market.underlying,
            forward=signal.market.forward,
            atm_iv=signal.market.atm_iv,
            candidates=len(quotes),
        )


class PositionAnswer(Answer):
    """An open short option. `pnl_paise` is (entry - mark) * units: a seller gains when the premium falls.

    `trail` is the premium at which the trailing stop closes, None without one; `costs_paise` those of the entry;
    `status` what the position lives by: of anything but `open` the result is provisional.
    """

    order_id: str
    strategy: str
    legs: tuple[LegAnswer, ...]
    contract: str
    label: str
    strike: float
    kind: str
    expiry: str
    lots: int
    units: int
    entry_at: str
    entry: float
    mark: float
    mark_at: str
    stop: float
    target: float
    trail: float | None
    time_exit_at: str | None
    pnl_paise: int
    costs_paise: int
    margin_paise: int
    confidence: float
    closing: str | None
    status: str
    provisional: bool

    @classmethod
    def of(cls, position: Position) -> Self:
        """Show a position."""
        units = position.lots * position.lot_size
        trail = None if position.trail_points is None else position.best_price + position.trail_points
        return cls(
            order_id=position.order_id,
            strategy=position.strategy,
            legs=LegAnswer.all_of(position.legs),
            contract=str(position.contract),
            label=sold_label(position.contract.kind),
            strike=position.contract.strike,
            kind=position.contract.kind.value,
            expiry=position.contract.expiry,
            lots=position.lots,
            units=units,
            entry_at=iso_text(position.entry_ts),
            entry=position.entry_price,
            mark=position.mark_price,
            mark_at=iso_text(position.mark_ts),
            stop=position.stop_price,
            target=position.target_price,
            trail=trail,
            time_exit_at=None if position.time_exit_ns is None else iso_text(position.time_exit_ns),
            pnl_paise=round((position.entry_price - position.mark_price) * units * _PAISE),
            costs_paise=position.entry_costs_paise,
            margin_paise=position.margin_paise,
            confidence=position.entry.confidence,
            closing=None if position.exit_reason is None else position.exit_reason.value,
            status=position.status.value,
            provisional=position.status is not PositionStatus.OPEN,
        )


class AttributionAnswer(Answer):
    """The net result of trades by cause, in paise, what cost is negative; the parts add up to `net_paise`."""

    index_move_paise: int
    time_paise: int
    volatility_paise: int
    spread_and_impact_paise: int
    charges_paise: int
    net_paise: int

    @classmethod
    def of(cls, attribution: Attribution) -> Self:
        """Show an attribution."""
        return cls(
            index_move_paise=attribution.index_move_paise,
            time_paise=attribution.time_paise,
            volatility_paise=attribution.volatility_paise,
            spread_and_impact_paise=attribution.spread_and_impact_paise,
            charges_paise=attribution.charges_paise,
            net_paise=attribution.net_paise,
        )


class TradeAnswer(Answer):
    """A closed trade with its log line; `attribution` is None for what a former version entered."""

    id: str
    line: str
    strategy: str
    legs: tuple[LegAnswer, ...]
    contract: str
    label: str
    lots: int
    units: int
    entry_at: str
    exit_at: str
    entry: float
    exit: float
    exit_reason: str
    gross_paise: int
    costs_paise: int
    net_paise: int
    attribution: AttributionAnswer | None
    mfe: float
    mae: float
    holding_s: float
    regime: str
    mode: str
    entry_order_id: str

    @classmethod
    def of(cls, trade: Trade) -> Self:
        """Show a trade."""
        return cls(
            id=trade.header.id,
            line=trade_log_line(trade),
            strategy=trade.strategy,
            legs=LegAnswer.all_of(trade.legs),
            contract=str(trade.contract),
            label=sold_label(trade.contract.kind),
            lots=trade.lots,
            units=trade.lots * trade.lot_size,
            entry_at=iso_text(trade.entry_ts),
            exit_at=iso_text(trade.header.ts),
            entry=trade.entry_price,
            exit=trade.exit_price,
            exit_reason=trade.exit_reason.value,
            gross_paise=trade.gross_pnl_paise,
            costs_paise=trade.costs_paise,
            net_paise=trade.net_pnl_paise,
            attribution=None if trade.attribution is None else AttributionAnswer.of(trade.attribution),
            mfe=trade.mfe,
            mae=trade.mae,
            holding_s=trade.holding_ns / 1e9,
            regime=trade.entry.regime,
            mode=trade.entry.mode.value,
            entry_order_id=trade.entry_order_id,
        )


class DenialAnswer(Answer):
    """A signal that was not turned into an order, and why."""

    id: str
    at: str
    code: str
    text: str
    label: str
    contract: str | None

    @classmethod
    def of(cls, denial: Denial) -> Self:
        """Show a denial."""
        return cls(
            id=denial.header.id,
            at=iso_text(denial.header.ts),
            code=denial.code.value,
            text=denial.text,
            label=direction_label(denial.direction),
            contract=None if denial.contract is None else str(denial.contract),
        )
