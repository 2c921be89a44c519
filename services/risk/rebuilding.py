"""Risk whose checkpoint is gone: halted, with the limits, latches and figures that its last events still say."""

from __future__ import annotations

from services.risk.halts import HaltRecord, Latch
from services.risk.limits import LimitRecord, Tightening
from services.risk.state import RiskState
from shared.events import BookState, HaltChanged, HaltState, LimitState

LOST = "lost state"


def rebuilt(book: BookState | None, halt: HaltChanged | None, limits: LimitState | None, why: str) -> RiskState:
    """Give a HALTED state; the day's loss counts from the day's begin, the drawdown from the book's peak.

    Args:
        book: newest on the broker, if any.
        halt: what risk said last of halts, if anything.
        limits: the same of limits.
        why: what is known of the loss.
    """
    halts = HaltRecord(operator=HaltState.HALTED, operator_text=f"{LOST}: {why}")
    state = RiskState(halts=halts)
    if halt is not None:
        halts.latches = [Latch(latch.code, latch.text, latch.since) for latch in halt.latches]
        halts.command, halts.commanded_by, halts.commanded_why = halt.command, halt.operator, halt.reason
    if limits is not None:
        state.limits = LimitRecord(
            tightened={
                each.name: Tightening(
                    value=each.value,
                    configured=each.configured,
                    operator=each.operator,
                    reason=each.reason,
                    ts=each.since,
                )
                for each in limits.overrides
            }
        )
    if book is not None:
        halts.day, halts.peak_equity_paise = book.day, book.peak_equity_paise
        halts.unrealised_paise = book.unrealised_paise
        state.decided_seq = book.header.seq
        state.exiting = [each.order_id for each in book.positions if each.exit_reason is not None]
    return state
