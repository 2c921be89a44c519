"""The reference of features, written from their declarations: `python -m services.features.document > docs/features.md`."""

from __future__ import annotations

import sys

from services.features.families.declaration import Feature, Scaling
from services.features.families.registry import FAMILIES, FEATURES, SCHEMA_ID

_HEAD = f"""# Features

{len(FEATURES)} features in {len(FAMILIES)} families, in the order of a vector's values; schema `{SCHEMA_ID}`.
Written by `python -m services.features.document > docs/features.md`; edit the declarations in `services/features/families/`.

Rules that hold for all of them:

* **Missing is missing.** A number that cannot be known is null on the wire and NaN in tables, never 0.
* **Front expiry**: the nearest whose close is still ahead; on expiry day that day's, until its last moment. All figures are
  of the front expiry unless they say otherwise. Closes come from the dated calendar.
* **Forward**: put-call parity on mid quotes at the five strikes nearest the money, median. No spot is needed. The ATM band
  is five strikes on either side of the strike nearest the forward.
* **Price** of a leg: the mid of a two-sided, uncrossed quote. Only in a chain flagged `ltp_only` the last trade stands in.
* **Volatility**: own Black-76 on the forward at rate 0. Time is counted by the variance clock (docs/market-data.md): a minute
  of trading is 1, a night and a day without a session what the dated table says, divided by such minutes of a year; at least
  five minutes. Implied and realised volatility are on the same clock. Only the 30-day index and the carry keep the calendar.
  The exchange's published volatility enters nowhere.
* **Time** is event time. "15 minutes ago" is the newest minute's last snapshot at least that old; if it is older by more than
  half the look-back (a minute and a half at the least), the feature is missing rather than stretched.
* **Bars** are of one minute, from the forward, per session, and the forming bar counts with what it holds so far. A minute
  without a snapshot has no bar. After ten minutes of silence the bar indicators begin anew.
* **What enters history**: snapshots in session, newer than all before, with a forward, not flagged `stale` or `fallback`.
  Every snapshot gets a vector; one that is late or out of session gets it without any history.
* **Sessions**: one counts as a day of history when its first and last snapshot lie within 45 minutes of its open and close.
  Overnight returns compare the same expiry's forward, so a change of expiry leaves no jump.
* **Lots**: open interest and volume arrive in contracts and are told in units (contracts x units per lot) or as shares, so
  that a change of the lot changes no feature.
* **Scale**: features in points and gamma in rupees move with the price level (marked *price*); all others stay
  the same when every price and strike is multiplied by one factor.

Warm-up is what an unbroken feed of one snapshot a minute needs before the first value. "-" under it means the snapshot
alone is enough; "0" that earlier snapshots enter as soon as there are any.
"""


def features_page() -> str:
    """Write the reference as Markdown, one table per family."""
    parts = [_HEAD]
    for family in FAMILIES:
        rows = "\n".join(_row(feature) for feature in family.features)
        parts.append(
            f"\n## {family.title}\n\n| feature | unit | formula | source | warm-up | scale |\n|---|---|---|---|---|---|\n{rows}\n"
        )
    return "".join(parts)


def _row(feature: Feature) -> str:
    warm_up = f"{feature.warm_up} {feature.warm_up_unit}" if feature.warm_up else "0"
    cells = (
        f"`{feature.name}`",
        feature.unit,
        feature.formula,
        feature.source,
        warm_up if feature.needs_history else "-",
        "price" if feature.scaling is Scaling.PROPORTIONAL else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(features_page())
