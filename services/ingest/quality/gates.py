"""Gates between a parsed chain and the pipeline: some refuse, some blank and flag. docs/market-data.md lists them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from services.ingest.quality.legs import blank_impossible, count_too_wide, has_price, has_quote
from services.ingest.quality.stamp import FailedGate
from services.ingest.settings import IngestSettings
from shared.clock import ist_date
from shared.events import ExpiryChain, QualityFlag, Record
from shared.market.chain import DataVerdict, ParsedChain
from shared.market.forward import parity_forward
from shared.market.quote_table import NO_BOUND, QuoteTable, SpreadBound
from shared.market.year import DAYS_PER_YEAR

MONEY_WINDOW = 0.015
"""Share of the money level within which strikes must be there and quoted."""

CARRY_ALLOWANCE = 0.10
"""Yearly share by which a forward may honestly stand off the spot."""

CROSSED_SHARE = 0.2
"""Share of two-sided quotes from which a crossed book is no slip of single quotes any more."""

WIDE_SHARE = 0.2
"""Share of the front expiry's two-sided quotes wider than the table of quotes allows from which the poll shows no market."""

VOLUME_BACK_SHARE = 0.2
"""Share of traded contracts whose day volume fell from which the body as a whole is an older one."""

SAME_VOLUME_SHARE = 0.3
"""Share of contracts with the very day volume of the day before from which a new day's first chain is yesterday's."""

QUOTED_SHARE = 0.6
_ENOUGH_TRADED = 10
_MONEY_STRIKES = 7
_MIN_STRIKES = 3


class LastGood(Record, frozen=True, kw_only=True):
    """What the next chain of the same day is compared with.

    Attributes:
        repeats: how often the same content has come, the first included.
    """

    stamp_ns: int
    spot: float | None
    expiries: tuple[ExpiryChain, ...]
    repeats: int = 1


class Accepted(Record, frozen=True, kw_only=True):
    """A chain that may enter the pipeline."""

    spot: float | None
    expiries: tuple[ExpiryChain, ...]
    quality: tuple[QualityFlag, ...]
    repeats: int


def judge_content(
    chain: ParsedChain,
    last: LastGood | None,
    settings: IngestSettings,
    quotes: QuoteTable,
    *,
    patience: bool = True,
) -> Accepted | FailedGate:
    """Judge what a chain holds against the last good one, if any.

    Impossible quotes are blanked and flagged, expired expiries and those beyond `max_expiries` left out. With
    `patience` gone, volumes that fell are believed, as the good chain they are compared with was the odd one, and so is a
    book of quotes too wide, as that is the market then.
    """
    flags: set[QualityFlag] = set()
    day = ist_date(chain.stamp_ns)
    listed = [one for one in chain.expiries if one.expiry >= day.isoformat()]
    if not listed:
        return FailedGate(
            DataVerdict.EXPIRED, f"expected an expiry from {day} on, got {[one.expiry for one in chain.expiries]}"
        )
    expiries, crossed, two_sided = blank_impossible(listed[: settings.max_expiries], flags)
    bound = quotes.bound(day, date.fromisoformat(expiries[0].expiry)) if patience else NO_BOUND
    objection = _object_to_book(expiries, crossed, two_sided, bound)
    if objection is not None:
        return objection
    if not any(map(has_quote, expiries)):
        flags.add(QualityFlag.LTP_ONLY)
    objection = _money(chain.spot, expiries[0], day, settings, flags)
    yesterday = last is not None and ist_date(last.stamp_ns) != day
    if objection is None and last is not None:
        objection = (
            _object_to_yesterday(expiries, last) if yesterday else _against_last(expiries, last, settings, flags)
        )
        if objection is not None and objection.verdict is DataVerdict.VOLUME_BACK and not patience:
            flags.add(QualityFlag.VOLUME_FELL)
            objection = None
    if objection is not None:
        return objection
    repeats = 1
    if last is not None and not yesterday and last.expiries == expiries and last.spot == chain.spot:
        repeats = last.repeats + 1
        if repeats >= settings.frozen_polls:
            return FailedGate(DataVerdict.FROZEN, f"expected the chain to move, got the same content {repeats} times")
        flags.add(QualityFlag.STALE)
    return Accepted(
        spot=chain.spot,
        expiries=expiries,
        quality=tuple(flag for flag in QualityFlag if flag in flags),
        repeats=repeats,
    )


def _object_to_book(
    expiries: Sequence[ExpiryChain], crossed: int, two_sided: int, bound: SpreadBound
) -> FailedGate | None:
    if crossed > CROSSED_SHARE * two_sided:
        return FailedGate(
            DataVerdict.CROSSED_BOOK, f"expected bids under asks, got {crossed} of {two_sided} quotes crossed"
        )
    wide, judged = count_too_wide(expiries[0], bound)
    if wide > max(WIDE_SHARE * judged, _MIN_STRIKES):
        return FailedGate(
            DataVerdict.WIDE_BOOK, f"expected asks near their bids, got {wide} of {judged} quotes too wide to be any"
        )
    if not any(map(has_price, expiries)):
        return FailedGate(DataVerdict.NO_QUOTES, "expected a price on at least one contract, got none")
    return None


def _money(
    spot: float | None, front: ExpiryChain, day: date, settings: IngestSettings, flags: set[QualityFlag]
) -> FailedGate | None:
    forward = front_forward(front, spot)
    if spot is None:
        flags.add(QualityFlag.NO_SPOT)
    elif not math.isnan(forward):
        apart = abs(spot / forward - 1.0)
        if apart > settings.unrelated_spot:
            return FailedGate(
                DataVerdict.SPOT_UNRELATED, f"expected spot near the forward {forward:.2f}, got {spot:.2f}"
            )
        carry = CARRY_ALLOWANCE * (date.fromisoformat(front.expiry) - day).days / DAYS_PER_YEAR
        if apart > settings.spot_tolerance + carry:
            flags.add(QualityFlag.SPOT_OFF_FORWARD)
    money = spot if spot is not None else forward
    if math.isnan(money):
        return FailedGate(DataVerdict.NO_MONEY_STRIKES, "expected a spot or quotes that give a forward, got neither")
    low = bisect_left(front.strikes, money * (1.0 - MONEY_WINDOW))
    high = bisect_right(front.strikes, money * (1.0 + MONEY_WINDOW))
    if high - low < _MIN_STRIKES:
        text = f"expected at least {_MIN_STRIKES} strikes within 1.5 % of {money:.2f}, got {high - low}"
        return FailedGate(DataVerdict.NO_MONEY_STRIKES, text)
    if _has_holes(front, low, high):
        flags.add(QualityFlag.STRIKES_MISSING)
    return None


def _has_holes(front: ExpiryChain, low: int, high: int) -> bool:
    strikes = front.strikes[low:high]
    gaps = [upper - lower for lower, upper in pairwise(strikes)]
    if max(gaps) > min(gaps):
        return True
    priced = sum(
        1
        for i in range(low, high)
        for leg in (front.call, front.put)
        if leg.bid[i] is not None or leg.ask[i] is not None or leg.ltp[i] is not None
    )
    return priced < QUOTED_SHARE * 2 * (high - low)


def front_forward(front: ExpiryChain, near: float | None) -> float:
    """Give the parity forward of an expiry in points from quotes, or from last prices where there are no quotes.

    Args:
        front: expiry.
        near: index level, to look only at the strikes around it; the whole chain when None.

    Returns:
        NaN when too few strikes have both sides.
    """
    if near is None:
        rows = slice(None)
    else:
        middle = bisect_left(front.strikes, near)
        rows = slice(max(middle - _MONEY_STRIKES, 0), middle + _MONEY_STRIKES)
    strikes = front.strikes[rows]
    if not strikes:
        return math.nan
    call_bid, call_ask = front.call.bid[rows], front.call.ask[rows]
    put_bid, put_ask = front.put.bid[rows], front.put.ask[rows]
    if not any(call_bid) and not any(put_bid):
        call_bid = call_ask = front.call.ltp[rows]
        put_bid = put_ask = front.put.ltp[rows]
    found = parity_forward(strikes, _floats(call_bid), _floats(call_ask), _floats(put_bid), _floats(put_ask)).forward
    # A spot far off the strikes' own money leads to unquoted strikes: ask the whole chain then.
    return front_forward(front, None) if math.isnan(found) and near is not None else found


def _floats(column: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in column]


def _against_last(
    expiries: tuple[ExpiryChain, ...], last: LastGood, settings: IngestSettings, flags: set[QualityFlag]
) -> FailedGate | None:
    before = {one.expiry: one for one in last.expiries}
    fell = traded = 0
    for now in expiries:
        then = before.get(now.expiry)
        if then is None:
            continue
        for leg, old in ((now.call, then.call), (now.put, then.put)):
            pairs = _aligned(now.strikes, leg.volume, then.strikes, old.volume)
            fell += sum(1 for new, earlier in pairs if new < earlier)
            traded += sum(1 for _, earlier in pairs if earlier)
        if _oi_jumped(now, then, settings.oi_jump):
            flags.add(QualityFlag.OI_JUMP)
    if fell > max(VOLUME_BACK_SHARE * traded, _MIN_STRIKES):
        return FailedGate(
            DataVerdict.VOLUME_BACK, f"expected day volumes to grow, got {fell} of {traded} contracts with less"
        )
    if fell:
        flags.add(QualityFlag.VOLUME_FELL)
    return None


def _object_to_yesterday(expiries: tuple[ExpiryChain, ...], last: LastGood) -> FailedGate | None:
    before = {one.expiry: one for one in last.expiries}
    same = traded = 0
    for now in expiries:
        then = before.get(now.expiry)
        if then is None:
            continue
        for leg, old in ((now.call, then.call), (now.put, then.put)):
            pairs = _aligned(now.strikes, leg.volume, then.strikes, old.volume)
            same += sum(1 for new, earlier in pairs if earlier and new == earlier)
            traded += sum(1 for _, earlier in pairs if earlier)
    if traded >= _ENOUGH_TRADED and same > SAME_VOLUME_SHARE * traded:
        return FailedGate(
            DataVerdict.FROZEN,
            f"expected day volumes to start anew, got those of the day before on {same} of {traded} contracts",
        )
    return None


def _aligned(
    strikes: Sequence[float],
    values: Sequence[int | None],
    old_strikes: Sequence[float],
    old_values: Sequence[int | None],
) -> list[tuple[int, int]]:
    if strikes == old_strikes:
        return [(new, old) for new, old in zip(values, old_values, strict=True) if new is not None and old is not None]
    known = dict(zip(old_strikes, old_values, strict=True))
    pairs = []
    for strike, new in zip(strikes, values, strict=True):
        old = known.get(strike)
        if new is not None and old is not None:
            pairs.append((new, old))
    return pairs


def _oi_jumped(now: ExpiryChain, then: ExpiryChain, limit: float) -> bool:
    total = sum(filter(None, now.call.oi)) + sum(filter(None, now.put.oi))
    earlier = sum(filter(None, then.call.oi)) + sum(filter(None, then.put.oi))
    return earlier > 0 and abs(total - earlier) > limit * earlier


def keep(accepted: Accepted, stamp_ns: int) -> LastGood:
    """Remember an accepted chain for the next comparison."""
    return LastGood(stamp_ns=stamp_ns, spot=accepted.spot, expiries=accepted.expiries, repeats=accepted.repeats)
