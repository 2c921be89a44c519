"""What kind of trading changed the open interest around the money: writing, buying, covering or unwinding."""

from __future__ import annotations

import numpy as np

from services.features.cross_section import CrossSection
from services.features.declaration import Feature, missing
from services.features.history import Past
from services.features.intraday import find_before
from services.features.packing import CALL, OI, PUT, FloatArray

_CLASSES = (
    ("writing", "price down, OI up (short build-up)"),
    ("buying", "price up, OI up (long build-up)"),
    ("covering", "price up, OI down (short covering)"),
    ("unwinding", "price down, OI down (long unwinding)"),
)

FEATURES = tuple(
    Feature(
        f"{side}_{name}_15m",
        "0 to 1",
        f"share of the absolute {side} OI change over 15 minutes, in strikes of the ATM band both times, with {meaning}",
        "price and open-interest classes, common usage",
        warm_up=15,
        needs_history=True,
    )
    for side in ("call", "put")
    for name, meaning in _CLASSES
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    then = find_before(past.session.band, now.ts, 15.0) if past is not None else None
    if then is None or now.money is None:
        return missing(FEATURES)
    band = now.money.band
    common, here, there = _common(now.strikes[band], np.array(then.strikes))
    if not common:
        return missing(FEATURES)
    price_move = now.price[:, band][:, here] - np.array(then.prices)[:, there]
    interest_move = now.columns[:, OI, band][:, here] - np.array(then.oi)[:, there]
    return *_shares(price_move[CALL], interest_move[CALL]), *_shares(price_move[PUT], interest_move[PUT])


def _common(now: FloatArray, then: FloatArray) -> tuple[bool, slice, slice]:
    """Positions of the strikes both bands hold; they are runs as long as the listing between them is the same."""
    if now.size == then.size and now[0] == then[0] and now[-1] == then[-1] and (now == then).all():
        return True, slice(None), slice(None)
    low, high = max(now[0], then[0]), min(now[-1], then[-1])
    here = slice(int(now.searchsorted(low)), int(now.searchsorted(high, side="right")))
    there = slice(int(then.searchsorted(low)), int(then.searchsorted(high, side="right")))
    same = here.stop - here.start == there.stop - there.start > 0 and bool((now[here] == then[there]).all())
    return same, here, there


def _shares(price_move: FloatArray, interest_move: FloatArray) -> tuple[float, ...]:
    known = (price_move == price_move) & (interest_move == interest_move)  # noqa: PLR0124 - NaN differs from itself
    size = np.where(known, np.abs(interest_move), 0.0)
    total = float(size.sum())
    if total == 0.0:
        return missing(_CLASSES_OF_ONE_SIDE)
    grew, rose = interest_move > 0.0, price_move > 0.0
    fell = price_move < 0.0
    masks = (grew & fell, grew & rose, ~grew & rose, ~grew & fell)
    return tuple(float(size.dot(mask)) / total for mask in masks)


_CLASSES_OF_ONE_SIDE = FEATURES[: len(_CLASSES)]
