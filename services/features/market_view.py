"""The part of the market that travels on with the features: contracts that might be sold, with quotes and Greeks."""

from __future__ import annotations

import math
from typing import Final

from services.features.cross_section import CrossSection, Money
from services.features.packing import ASK, ASK_QTY, BID, BID_QTY, LTP, OI
from shared.clock import NS_PER_MINUTE
from shared.events import CandidateQuote, Contract, MarketView, OptionKind

_DAYS_PER_YEAR: Final = 365.0
_KINDS: Final = ((0, OptionKind.CALL), (1, OptionKind.PUT))


def market_view(now: CrossSection, candidate_strikes: int) -> MarketView:
    """Describe the front expiry, with the quotes of `candidate_strikes` on either side of the money."""
    money, front, session = now.money, now.front, now.session
    return MarketView(
        underlying=now.snapshot.underlying,
        spot=now.snapshot.spot,
        forward=money.forward if money is not None else None,
        atm_iv=_known(money.atm_iv) if money is not None else None,
        expiry=front.chain.expiry if front is not None else None,
        minutes_to_expiry=front.minutes if front is not None else None,
        minutes_from_open=(now.ts - session.open_ns) / NS_PER_MINUTE,
        minutes_to_close=(session.close_ns - now.ts) / NS_PER_MINUTE,
        lot_size=now.lot_size,
        quality=now.snapshot.quality,
        candidates=_candidates(now, money, candidate_strikes) if money is not None else (),
    )


def _candidates(now: CrossSection, money: Money, reach: int) -> tuple[CandidateQuote, ...]:
    front = now.front
    if front is None:
        return ()
    near = slice(max(money.atm - reach, 0), money.atm + reach + 1)
    strikes: list[float] = now.strikes[near].tolist()
    greeks = money.greeks
    expiry, underlying = front.chain.expiry, now.snapshot.underlying
    quotes = []
    for side, kind in _KINDS:
        columns: list[list[float]] = now.columns[side, :, near].tolist()
        volatility: list[float] = greeks.volatility[side, near].tolist()
        sensitivities = zip(
            volatility,
            greeks.delta[side, near].tolist(),
            greeks.gamma[side, near].tolist(),
            greeks.vega[side, near].tolist(),
            (greeks.theta[side, near] / _DAYS_PER_YEAR).tolist(),
            strict=True,
        )
        listed = zip(
            strikes,
            columns[BID],
            columns[ASK],
            columns[BID_QTY],
            columns[ASK_QTY],
            columns[LTP],
            columns[OI],
            strict=True,
        )
        for (strike, bid, ask, bid_qty, ask_qty, ltp, oi), (iv, delta, gamma, vega, theta) in zip(
            listed, sensitivities, strict=True
        ):
            has_iv = iv == iv  # noqa: PLR0124 - NaN differs from itself
            quotes.append(
                CandidateQuote(
                    contract=Contract(underlying=underlying, expiry=expiry, strike=strike, kind=kind),
                    bid=_known(bid),
                    ask=_known(ask),
                    bid_qty=_whole(bid_qty),
                    ask_qty=_whole(ask_qty),
                    ltp=_known(ltp),
                    oi=_whole(oi),
                    iv=iv if has_iv else None,
                    delta=delta if has_iv else None,
                    gamma=gamma if has_iv else None,
                    vega=vega if has_iv else None,
                    theta=theta if has_iv else None,
                )
            )
    return tuple(quotes)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)
