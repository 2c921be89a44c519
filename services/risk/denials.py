"""The reference of denials: what each code of the closed enum means and what an operator can do about it."""

from __future__ import annotations

import sys

from shared.events import DenialCode

MEANINGS: dict[DenialCode, tuple[str, str]] = {
    DenialCode.LOW_CONFIDENCE: ("The signal's confidence is under its threshold.", "Nothing: unsure is not traded."),
    DenialCode.MAX_POSITIONS: ("`max_positions` positions are open.", "Wait for an exit."),
    DenialCode.MAX_EXPOSURE: (
        "One lot binds more margin than `max_exposure_per_trade` of the capital allows.",
        "More capital, or a larger share per trade.",
    ),
    DenialCode.MAX_MARGIN: (
        "Margin of the open positions and one more lot, its premium not yet in, is over `max_margin` or what is free.",
        "Wait for an exit, or raise the cap.",
    ),
    DenialCode.STRIKE_CONCENTRATION: (
        "`max_positions_per_strike` positions stand at this strike.",
        "Wait for an exit.",
    ),
    DenialCode.EXPIRY_CONCENTRATION: ("`max_positions_per_expiry` positions expire that day.", "Wait for an exit."),
    DenialCode.FREEZE_QUANTITY: (
        "One lot is more than the exchange takes in one order.",
        "Check the contract table: lot and freeze quantity do not fit.",
    ),
    DenialCode.GREEKS_LIMIT: (
        "With even one lot the book's delta, gamma or vega would cost more than its limit in a standard move.",
        "Wait for an exit, or raise `max_delta_loss`, `max_gamma_loss`, `max_vega_loss`.",
    ),
    DenialCode.RATE_LIMIT: (
        "Too soon after the last entry (`min_seconds_between_orders`) or too many today (`max_orders_per_day`).",
        "Nothing: the limit keeps the book far below what exchanges want registered.",
    ),
    DenialCode.NO_EDGE: (
        "The Kelly stake is zero or negative: what trades like it brought, or the model's probability, does not pay for the losses.",
        "Look at the results of the book's trades; a rule without a record explores `exploration_trades` of them first.",
    ),
    DenialCode.SIZE_ZERO: (
        "The stake is less than what one lot loses at its stop.",
        "More capital, or a nearer stop.",
    ),
    DenialCode.SESSION_START: ("The first minutes of the session (`no_entry_first_minutes`).", "Wait."),
    DenialCode.SESSION_END: ("The last minutes of the session (`no_entry_last_minutes`).", "Wait for the next day."),
    DenialCode.OFF_SESSION: ("The signal's event time is outside the session.", "Nothing: no order off-hours."),
    DenialCode.DAY_CUTOFF: ("After the day's cut-off (`no_entry_after`).", "Wait for the next day."),
    DenialCode.STALE_MARKET: (
        "The snapshot is stale or a fallback.",
        "Look at the feed: ingest's alerts say what is wrong with it.",
    ),
    DenialCode.NO_CANDIDATE: (
        "No strike of the side lies within the delta and premium bands.",
        "Look at the bands against the day's chain.",
    ),
    DenialCode.NO_QUOTE: ("No candidate has a bid and an ask.", "Look at the feed."),
    DenialCode.WIDE_SPREAD: ("Every quoted candidate's spread is wider than `max_spread` of mid.", "Wait."),
    DenialCode.THIN_MARKET: (
        "No candidate shows a bid for a whole lot and `min_open_interest` contracts of open interest.",
        "Wait, or choose an expiry that is traded.",
    ),
    DenialCode.EXPIRY_DAY: (
        "The contract expires within `expiry_day_last_minutes`, or has expired.",
        "Wait for the next expiry to become the front one.",
    ),
    DenialCode.COOL_DOWN: (
        "A position was closed on this very snapshot, or a stop was hit within `cool_down_minutes`.",
        "Wait.",
    ),
    DenialCode.ALREADY_OPEN: ("This contract is open.", "Wait for its exit."),
    DenialCode.ORDER_PENDING: ("An entry is ordered and neither filled nor expired.", "Wait one or two snapshots."),
    DenialCode.REGIME_NOT_READY: ("The market's regime is not known yet.", "Wait for the warm-up."),
    DenialCode.REDUCING: ("An operator asked for REDUCE.", "`thetaflow control resume`."),
    DenialCode.HALTED: (
        "An operator asked for HALT or FLATTEN, or the kill file is there.",
        "Find out why, then resume.",
    ),
    DenialCode.DAILY_LOSS: (
        "The day's loss reached `max_daily_loss`. Everything was closed.",
        "Understand the loss, then resume: the limit then counts from there.",
    ),
    DenialCode.DRAWDOWN: (
        "Equity fell `max_drawdown` below its highest. Everything was closed.",
        "Understand the loss, then resume: the highest then counts from there.",
    ),
    DenialCode.CONSECUTIVE_LOSSES: (
        "`max_consecutive_losses` trades lost in a row.",
        "Look at the regime and the model, then resume.",
    ),
    DenialCode.SLIPPAGE: (
        "Fills cost `max_daily_slippage` more than the quotes that decided them.",
        "Look at depth and spreads, then resume.",
    ),
    DenialCode.STRESS_LIMIT: (
        "With even one lot a jump of the index by 5 % would cost more than `max_stress_loss` of the capital.",
        "Wait for an exit, or trade with more capital.",
    ),
    DenialCode.HARD_DAY_LOSS: (
        "The day's loss reached `hard_day_loss_multiple` times `max_daily_loss`. Everything was closed.",
        "Nothing today: no command lifts it before the next session.",
    ),
    DenialCode.DAY_ROOM: (
        "One lot could lose more at its stop than the day's hard cap leaves after losses and open stops.",
        "Wait for an exit, or for the next session.",
    ),
    DenialCode.DECAY_UNPAID: (
        "What a seller is expected to keep of the decay does not pay charges and spread `decay_cost_multiple` times.",
        "Nothing: time is not paid for here. `prior_richness` is what risk believes before it has seen the market.",
    ),
    DenialCode.COST_BUDGET: (
        "The day's charges and those of one more lot are over `max_daily_costs` of the capital.",
        "Wait for the next day: more trades would pay the exchange and the broker.",
    ),
    DenialCode.BOOK_UNKNOWN: (
        "The executor's book for the signal's step did not arrive before the next signal.",
        "Look at the executor: it is behind or down.",
    ),
}
"""What it means, and what to do."""


def denials_page() -> str:
    """Write the reference as Markdown, one row per code in the order of the enum."""
    rows = "\n".join(f"| `{code.value}` | {MEANINGS[code][0]} | {MEANINGS[code][1]} |" for code in DenialCode)
    return (
        "# Denials\n\n"
        "Whenever a signal with a direction opens no trade, risk publishes a `Denial` on `orders` with one of these codes\n"
        "and the figures behind it. Written by `python -m services.risk.denials`; edit `services/risk/denials.py`.\n\n"
        "| code | what it means | what to do |\n|---|---|---|\n"
        f"{rows}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(denials_page())
