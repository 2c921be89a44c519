"""What a book uses of its limits, as an event: everybody else shows it, nobody reckons it again."""

from __future__ import annotations

import msgspec

from services.risk.capital import with_capital_left
from services.risk.greeks import BookGreeks, book_greeks, greek_losses
from services.risk.settings import RiskSettings
from shared.events import (
    BookState,
    Header,
    LimitOverride,
    LimitState,
    LimitUnit,
    LimitUse,
    StressRung,
)
from shared.trading.stress import (
    SPOT_MOVES,
    VOLATILITY_SHIFTS,
    StressLadder,
    stress_ladder,
    stressed_legs,
    to_paise_rows,
)

_PAISE = 100.0


def limit_state(
    header: Header,
    book: BookState,
    settings: RiskSettings,
    *,
    orders_today: int,
    lost_paise: int,
    peak_equity_paise: int,
    overrides: tuple[LimitOverride, ...],
) -> LimitState:
    """Measure a book against its limits.

    Args:
        header: of the event that was handled.
        book: its newest state.
        settings: limits in force.
        orders_today: entries ordered on the book's day.
        lost_paise: since the day began.
        peak_equity_paise: what the drawdown counts from.
        overrides: limits tightened by command.
    """
    level = next((leg.forward for each in book.live_positions for leg in each.legs if leg.forward is not None), None)
    ladder = stress_ladder(stressed_legs(book.live_positions, level))
    # Named after risk, numbered apart from its orders: their ids stay what they are without it.
    made = msgspec.structs.replace(header.child("risk").child("limits"), producer="risk")
    return LimitState(
        header=made,
        uses=_uses(book, settings, ladder, level, orders_today, lost_paise, peak_equity_paise),
        stress=_rungs(ladder) if book.live_positions else (),
        volatility_shifts=VOLATILITY_SHIFTS if book.live_positions else (),
        overrides=overrides,
    )


def worth_telling(now: LimitState, last: LimitState | None, day: str, last_day: str) -> bool:
    """Say whether to publish: with every step that has a position, at a change of limits, and once when it is flat again."""
    if last is None or day != last_day or now.stress or last.stress:
        return True
    return now.overrides != last.overrides or [use.limit for use in now.uses] != [use.limit for use in last.uses]


def _uses(
    book: BookState,
    settings: RiskSettings,
    ladder: StressLadder,
    level: float | None,
    orders_today: int,
    lost_paise: int,
    peak_equity_paise: int,
) -> tuple[LimitUse, ...]:
    day_loss = lost_paise / _PAISE
    greeks = book_greeks(book.live_positions) if book.live_positions else BookGreeks(0.0, 0.0, 0.0)
    of_capital = {
        "max_daily_loss": (day_loss, settings.max_daily_loss),
        "hard_day_loss_multiple": (day_loss, settings.max_daily_loss * settings.hard_day_loss_multiple),
        "max_drawdown": ((peak_equity_paise - book.equity_paise) / _PAISE, settings.max_drawdown),
        "max_daily_slippage": (book.slippage_paise / _PAISE, settings.max_daily_slippage),
        "max_daily_costs": (book.costs_paise / _PAISE, settings.max_daily_costs),
    }
    of_what_is_left = {
        "max_margin": (book.margin_paise / _PAISE, settings.max_margin),
        "max_stress_loss": (ladder.limited_loss, settings.max_stress_loss),
        **{f"max_{name}_loss": (loss, share) for name, loss, share, _ in greek_losses(greeks, level or 0.0, settings)},
    }
    numbers = {
        "max_positions": (len(book.live_positions) + len(book.pending_orders), settings.max_positions),
        "max_orders_per_day": (orders_today, settings.max_orders_per_day),
        "max_consecutive_losses": (book.statistics.consecutive_losses, settings.max_consecutive_losses),
    }
    left = with_capital_left(settings, book).capital
    return (
        *(
            LimitUse(name=name, used=max(used, 0.0), limit=share * capital)
            for capital, shares in ((settings.capital, of_capital), (left, of_what_is_left))
            for name, (used, share) in shares.items()
        ),
        *(
            LimitUse(name=name, used=float(used), limit=float(limit), unit=LimitUnit.NUMBER)
            for name, (used, limit) in numbers.items()
        ),
    )


def _rungs(ladder: StressLadder) -> tuple[StressRung, ...]:
    return tuple(
        StressRung(move=move, now=to_paise_rows(column), at_expiry=round(float(end) * _PAISE))
        for move, column, end in zip(SPOT_MOVES, ladder.now.T, ladder.at_expiry, strict=True)
    )
