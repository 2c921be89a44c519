"""What kind of trading changed the open interest around the money: writing, buying, covering or unwinding."""

from __future__ import annotations

from services.features.families.declaration import Feature, missing, ratio
from services.features.state.chain_arrays import CALL, OI, PUT
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.intraday import find_before

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
        f"share of the absolute {side} OI change over 15 minutes, in strikes of the ATM band both times, with {meaning}; unchanged prices count in no class",
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
    place = {strike: index for index, strike in enumerate(then.strikes)}
    pairs = [(here, place[strike]) for here, strike in enumerate(now.strikes[band].tolist()) if strike in place]
    prices: list[list[float]] = now.price[:, band].tolist()
    interest: list[list[float]] = now.columns[:, OI, band].tolist()
    calls = _shares(pairs, prices[CALL], interest[CALL], then.prices[CALL], then.oi[CALL])
    return *calls, *_shares(pairs, prices[PUT], interest[PUT], then.prices[PUT], then.oi[PUT])


def _shares(
    pairs: list[tuple[int, int]],
    prices: list[float],
    interest: list[float],
    earlier_prices: tuple[float, ...],
    earlier_interest: tuple[float, ...],
) -> tuple[float, ...]:
    """Share of each class of one side. Plain loops: over a dozen strikes they cost a third of the array code."""
    writing = buying = covering = unwinding = total = 0.0
    for here, there in pairs:
        price_move = prices[here] - earlier_prices[there]
        interest_move = interest[here] - earlier_interest[there]
        if price_move - price_move != 0.0 or interest_move - interest_move != 0.0:
            continue  # a price or an interest is missing
        size = abs(interest_move)
        total += size
        if price_move > 0.0:
            buying, covering = (buying + size, covering) if interest_move > 0.0 else (buying, covering + size)
        elif price_move < 0.0:
            writing, unwinding = (writing + size, unwinding) if interest_move > 0.0 else (writing, unwinding + size)
    return tuple(ratio(size, total) for size in (writing, buying, covering, unwinding))
