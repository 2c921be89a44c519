"""The part of the market that travels on with the features: contracts that might be sold, with quotes and Greeks."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from services.features.state.cross_section import CrossSection, Money
from shared.clock import NS_PER_MINUTE
from shared.events import CandidateQuote, Contract, MarketView, OptionKind

_NO_GREEKS: Final = (None,) * 5


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
        years_to_expiry=_known(now.years),
        minutes_per_year=now.clock.minutes_per_year(now.ts),
    )


def _candidates(now: CrossSection, money: Money, reach: int) -> tuple[CandidateQuote, ...]:
    front = now.front
    if front is None:
        return ()
    chain, underlying = front.chain, now.snapshot.underlying
    start, stop = max(money.atm - reach, 0), money.atm + reach + 1
    strikes = chain.strikes[start:stop]
    days_per_year = now.clock.weights(now.session.day).days_per_year
    greeks = np.stack(
        [
            money.greeks.volatility[:, start:stop],
            money.greeks.delta[:, start:stop],
            money.greeks.gamma[:, start:stop],
            money.greeks.vega[:, start:stop],
            money.greeks.theta[:, start:stop] / days_per_year,
        ],
        axis=-1,
    ).tolist()
    quotes = []
    for side, (kind, legs) in enumerate(((OptionKind.CALL, chain.call), (OptionKind.PUT, chain.put))):
        columns = (legs.bid, legs.ask, legs.bid_qty, legs.ask_qty, legs.ltp, legs.oi)
        rows = zip(strikes, *(column[start:stop] for column in columns), greeks[side], strict=True)
        for strike, bid, ask, bid_qty, ask_qty, ltp, oi, sensitivities in rows:
            iv, delta, gamma, vega, theta = sensitivities if sensitivities[0] == sensitivities[0] else _NO_GREEKS
            quotes.append(
                CandidateQuote(
                    contract=Contract(underlying=underlying, expiry=chain.expiry, strike=strike, kind=kind),
                    bid=bid,
                    ask=ask,
                    bid_qty=bid_qty,
                    ask_qty=ask_qty,
                    ltp=ltp,
                    oi=oi,
                    iv=iv,
                    delta=delta,
                    gamma=gamma,
                    vega=vega,
                    theta=theta,
                )
            )
    return tuple(quotes)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
