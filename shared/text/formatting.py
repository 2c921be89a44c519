"""How Thetaflow says things on screens: direction, confidence, a halt, the trade log line, what a result is made of."""

from __future__ import annotations

from datetime import date

from shared.clock import from_ns, ist_date
from shared.events import Attribution, CommandKind, HaltChanged, OptionKind, Trade, VenueMode, VenueState

_HIGH = 0.70
_MEDIUM = 0.62

_LABELS = {1: "SHORT PUT", -1: "SHORT CALL", 0: "NEUTRAL"}
_MEANINGS = {
    1: "Gains when the market does not fall: the put's premium decays.",
    -1: "Gains when the market does not rise: the call's premium decays.",
    0: "No edge, or not confident enough: nothing is opened.",
}
_KIND_OF = {1: OptionKind.PUT, -1: OptionKind.CALL}


def direction_label(direction: int) -> str:
    """Name a direction as a seller does: +1 SHORT PUT, -1 SHORT CALL, 0 NEUTRAL; anything else says so."""
    return _LABELS.get(direction, f"UNKNOWN ({direction:+d})")


def direction_meaning(direction: int) -> str:
    """Say what makes the direction pay, empty for a direction that does not exist."""
    return _MEANINGS.get(direction, "")


def confidence_word(confidence: float) -> str:
    """Say a confidence of 0 to 1 as high (0.70 and above), medium (0.62 and above) or low."""
    if confidence >= _HIGH:
        return "high"
    return "medium" if confidence >= _MEDIUM else "low"


def clock_text(ns: int) -> str:
    """Give the time of day in India, HH:MM:SS."""
    return f"{from_ns(ns):%H:%M:%S}"


def iso_text(ns: int) -> str:
    """Give a moment as ISO 8601 in IST, to the millisecond."""
    return from_ns(ns).isoformat(timespec="milliseconds")


def mode_words(state: VenueState | None) -> str:
    """Say what leaves the house: `paper`, `dry run of` a venue, `live` and its name, or that and `exits only`."""
    if state is None:
        return "mode not told"
    if state.mode is VenueMode.LIVE:
        return f"live {state.venue}" if state.armed else f"live {state.venue}, exits only"
    return f"dry run of {state.venue}" if state.mode is VenueMode.DRY_RUN else "paper"


def halt_line(halt: HaltChanged, today: date) -> str:
    """Write what a book may do, since when and why: `halted since 10:15:30 by rajat: reason`; other days with their date.

    Latches come first, each with the time it fell; the command beside them is named, for it may have asked for less.
    """

    def moment(ns: int) -> str:
        return clock_text(ns) if ist_date(ns) == today else f"{from_ns(ns):%Y-%m-%d %H:%M:%S}"

    causes = [f"by {latch.code.value}: {latch.text} ({moment(latch.since)})" for latch in halt.latches]
    if halt.command is not None and not causes:
        causes.append(f"by {halt.operator}: {halt.reason}")
    elif halt.command is not None and halt.command is not CommandKind.RESUME:
        causes.append(f"{halt.command.value} by {halt.operator}: {halt.reason}")
    return " ".join((f"{halt.state.value} since {moment(halt.since)}", "; ".join(causes))).rstrip()


def sold_label(kind: OptionKind) -> str:
    """Name a short position by what was sold."""
    return "SHORT PUT" if kind is OptionKind.PUT else "SHORT CALL"


def trade_log_line(trade: Trade) -> str:
    """Write a trade's entry as its log line: time, what was sold, strike, premium, target, stop, confidence.

    The label follows the contract that was really sold; prices in points.
    """
    return (
        f"{clock_text(trade.entry_ts)} {sold_label(trade.contract.kind)} {trade.contract.strike:g} "
        f"@ {trade.entry_price:.2f} target {trade.target_price:.2f} stop {trade.stop_price:.2f} "
        f"confidence {confidence_word(trade.entry.confidence)}"
    )


def attribution_line(attribution: Attribution) -> str:
    """Say where a result comes from, rupees, costs negative: `index move -1,373.71, time +32.56, ...`."""
    names = (name.removesuffix("_paise").replace("_", " ") for name in attribution.__struct_fields__)
    return ", ".join(f"{name} {paise / 100:+,.2f}" for name, paise in zip(names, attribution.parts(), strict=True))
