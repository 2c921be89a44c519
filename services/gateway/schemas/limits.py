"""What a book uses of its limits, and what a jump of the index would cost it, as risk says it. Money in paise."""

from __future__ import annotations

from typing import Self

from services.gateway.schemas.events import Answer
from shared.events import LimitState, LimitUnit
from shared.text.formatting import iso_text

_PAISE = 100


class LimitUseAnswer(Answer):
    """One limit: used and allowed, in paise or as a number."""

    name: str
    unit: str
    used: int
    limit: int
    share: float


class StressRungAnswer(Answer):
    """Profit or loss after one jump: at once, one figure per rise of volatility, and at expiry; paise."""

    move: float
    now: tuple[int, ...]
    at_expiry: int


class LimitOverrideAnswer(Answer):
    """A limit tightened by an operator, below or above what the file says."""

    name: str
    value: float
    configured: float
    operator: str
    reason: str
    since: str


class LimitsAnswer(Answer):
    """Limits, the stress ladder and what operators have tightened; empty before risk has said anything."""

    at: str | None = None
    uses: tuple[LimitUseAnswer, ...] = ()
    volatility_shifts: tuple[float, ...] = ()
    stress: tuple[StressRungAnswer, ...] = ()
    overrides: tuple[LimitOverrideAnswer, ...] = ()

    @classmethod
    def of(cls, event: LimitState) -> Self:
        """Show what risk said last."""
        return cls(
            at=iso_text(event.header.ts),
            uses=tuple(
                LimitUseAnswer(
                    name=use.name,
                    unit="paise" if use.unit is LimitUnit.RUPEES else use.unit.value,
                    used=round(use.used * (_PAISE if use.unit is LimitUnit.RUPEES else 1)),
                    limit=round(use.limit * (_PAISE if use.unit is LimitUnit.RUPEES else 1)),
                    share=use.used / use.limit if use.limit else 0.0,
                )
                for use in event.uses
            ),
            volatility_shifts=event.volatility_shifts,
            stress=tuple(
                StressRungAnswer(move=rung.move, now=rung.now, at_expiry=rung.at_expiry) for rung in event.stress
            ),
            overrides=tuple(
                LimitOverrideAnswer(
                    name=each.name,
                    value=each.value,
                    configured=each.configured,
                    operator=each.operator,
                    reason=each.reason,
                    since=iso_text(each.since),
                )
                for each in event.overrides
            ),
        )
