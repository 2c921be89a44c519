"""The figures of a risk report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from shared.events import HaltState, LimitUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPeak:
    """The highest use of one limit.

    Attributes:
        name: of the setting, see docs/settings.md.
        used, limit: in `unit`.
        share: used over limit; infinite for any use of a limit of zero.
        at: when it was first so high, ISO in Indian time.
    """

    name: str
    used: float
    limit: float
    unit: LimitUnit
    share: float
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StressLow:
    """The worst figure of the stress ladder.

    Attributes:
        result: of the book after the jump, rupees, losses negative.
        move: of the index, a share of its level.
        volatility_shift: decimal; None for the figure at expiry.
        at: when the ladder first said so.
    """

    result: float
    move: float
    volatility_shift: float | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltStep:
    """A halt, what latched it and who commanded it, or its end.

    Attributes:
        latches: the limits reached, in words, each with the time it was.
        command, operator, reason: newest command about it; empty without one.
    """

    at: str
    state: HaltState
    latches: tuple[str, ...]
    command: str
    operator: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tightened:
    """A limit tightened by command, and by whom."""

    name: str
    value: float
    configured: float
    operator: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchUse:
    """How much of what the market showed was taken: capacity. Settlements at an expiry take nothing of it.

    Attributes:
        fills, lots: on the quote of a snapshot.
        shown_lots: whole lots at the touch of those snapshots, in all.
        least_shown: the thinnest touch traded on, lots; None without any whose size is known.
        share: greatest share of the touch that one fill took; None likewise.
        at: when that was.
        unknown: fills on snapshots that do not tell the size of the touch.
    """

    fills: int = 0
    lots: int = 0
    shown_lots: int = 0
    least_shown: int | None = None
    share: float | None = None
    at: str | None = None
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskReport:
    """A book's day. Money in rupees, times ISO in Indian time.

    Attributes:
        trades, wins: closed on the day; `net_pnl` is after `costs`.
        open_positions, unrealised: at the day's last step, in no other figure.
        margin_peak: the most the clearing house bound, working entries included; `margin_peak_at` None when it never did.
        return_on_peak_margin: net result over it; None without margin.
        worst_stress: None when the book was never marked with a position.
        limits: most used first.
        overrides: in the order they were given; one of an earlier day that still held is among them.
        limit_alerts: refused commands, and limits changed by the file.
        halts: every change into, within and out of a halt.
        entries, exits: what was taken of the touch.
    """

    day: str
    book: str
    trades: int
    wins: int
    costs: float
    net_pnl: float
    open_positions: int
    unrealised: float
    margin_peak: float
    margin_peak_at: str | None
    return_on_peak_margin: float | None
    worst_stress: StressLow | None
    limits: tuple[LimitPeak, ...]
    overrides: tuple[Tightened, ...]
    limit_alerts: tuple[str, ...]
    halts: tuple[HaltStep, ...]
    entries: TouchUse
    exits: TouchUse

    def as_json(self) -> dict[str, Any]:
        """Give plain values for `--json`."""
        return asdict(self)
