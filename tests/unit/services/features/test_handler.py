"""The handler: one vector for one snapshot, its header, its market view, and what it refuses."""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np
import pytest

from services.features.families.registry import FEATURE_NAMES
from shared.clock import NS_PER_MINUTE, ist_ns
from shared.errors import BadInputError, LayoutError, NoSessionError
from shared.events import ClockTick, Header, OptionKind, QualityFlag
from shared.market.pricing import black76_greeks, black76_price
from tests.unit.services.features.synthetic_days import CALENDAR, CONTRACTS, features_of, made_days, new_handler


@pytest.fixture(scope="module")
def two_days():
    return made_days(2)


def test_a_snapshot_gives_one_vector_under_its_own_lineage(smooth_day):
    (vector,) = features_of(smooth_day[:1])
    assert vector.header == smooth_day[0].header.child("features")
    assert vector.header.seq == smooth_day[0].header.seq


def test_a_clock_tick_gives_nothing_and_leaves_no_trace(smooth_day):
    handler = new_handler()
    features_of(smooth_day[:10], handler)
    state = handler.checkpoint()
    ts = smooth_day[9].header.ts + NS_PER_MINUTE
    assert list(handler.handle(ClockTick(header=Header.root(book="nifty", ts=ts, seq=11, producer="ingest")))) == []
    assert handler.checkpoint() == state


def test_a_snapshot_of_a_holiday_is_refused(smooth_day):
    sunday = ist_ns(2026, 6, 7, 11, 0)
    header = msgspec.structs.replace(smooth_day[0].header, ts=sunday)
    with pytest.raises(NoSessionError, match="trading day"):
        new_handler().handle(msgspec.structs.replace(smooth_day[0], header=header))


def test_columns_that_do_not_fit_their_strikes_are_refused(smooth_day):
    chain = smooth_day[0].expiries[0]
    short = msgspec.structs.replace(chain, call=msgspec.structs.replace(chain.call, bid=chain.call.bid[1:]))
    with pytest.raises(BadInputError, match="one per strike"):
        new_handler().handle(msgspec.structs.replace(smooth_day[0], expiries=(short,)))


@pytest.mark.parametrize(
    "state", [b"", b"\x00", b"nonsense", msgspec.msgpack.encode({"schema_id": "x", "histories": {}})]
)
def test_a_state_of_something_else_is_refused(state):
    with pytest.raises((LayoutError, ValueError), match=r"expected a (state of features schema|features\.state)"):
        new_handler().restore(state)


class TestMarketView:
    def test_tells_forward_time_and_lot_of_the_front_expiry(self, smooth_day):
        (vector,) = features_of(smooth_day[100:101])
        market = vector.market
        assert market.expiry == smooth_day[100].expiries[0].expiry
        assert market.forward == pytest.approx(smooth_day[100].spot, rel=2e-3)
        assert (market.minutes_from_open, market.minutes_to_close) == (101.0, 274.0)
        assert market.minutes_to_expiry == 1440 + 274.0
        assert market.expiry is not None
        assert market.lot_size == CONTRACTS.lot_size("NIFTY", date.fromisoformat(market.expiry), date(2026, 6, 1))
        assert market.atm_iv == vector.values[FEATURE_NAMES.index("atm_iv")]

    def test_the_expiry_of_today_stays_in_front_until_its_close_and_not_a_moment_longer(self, two_days):
        close = two_days[-1]
        session = CALENDAR.session(date(2026, 6, 2))
        assert session is not None
        assert close.header.ts == session.close_ns
        (at_close,) = features_of([close])
        assert at_close.market.expiry == "2026-06-02"
        assert at_close.market.minutes_to_expiry == 0.0
        later = msgspec.structs.replace(close.header, ts=close.header.ts + 1)
        (after,) = features_of([msgspec.structs.replace(close, header=later)])
        assert after.market.expiry == close.expiries[1].expiry

    def test_candidates_are_the_quotes_around_the_money_with_their_own_greeks(self, smooth_day):
        (vector,) = features_of(smooth_day[200:201])
        market, chain = vector.market, smooth_day[200].expiries[0]
        assert len(market.candidates) == 2 * 25
        assert market.forward is not None
        assert market.minutes_to_expiry is not None
        years = market.years_to_expiry
        assert years == (market.minutes_to_close + 187.5 + 375.0) / market.minutes_per_year
        for quote in market.candidates:
            is_call = quote.contract.kind is OptionKind.CALL
            legs = chain.call if is_call else chain.put
            at = chain.strikes.index(quote.contract.strike)
            assert (quote.bid, quote.ask, quote.bid_qty, quote.ask_qty, quote.ltp, quote.oi) == (
                legs.bid[at],
                legs.ask[at],
                legs.bid_qty[at],
                legs.ask_qty[at],
                legs.ltp[at],
                legs.oi[at],
            )
            if quote.iv is None:
                assert quote.delta is quote.gamma is quote.vega is quote.theta is None
                continue
            inputs = (market.forward, quote.contract.strike, years, quote.iv, is_call)
            assert quote.bid is not None
            assert quote.ask is not None
            assert quote.theta is not None
            assert float(black76_price(*inputs)) == pytest.approx((quote.bid + quote.ask) / 2, abs=1e-6)
            greeks = black76_greeks(*inputs)
            a_year = quote.theta * market.minutes_per_year / (375 + 187.5)
            own = np.array((quote.delta, quote.gamma, quote.vega, a_year), float)
            expected = np.array((greeks.delta, greeks.gamma, greeks.vega, greeks.theta), float)
            np.testing.assert_allclose(own, expected, rtol=1e-9)

    def test_a_chain_of_last_trades_alone_still_has_a_forward(self, smooth_day):
        snapshot = smooth_day[50]
        bare = tuple(
            msgspec.structs.replace(
                chain,
                call=msgspec.structs.replace(
                    chain.call, bid=(None,) * len(chain.strikes), ask=(None,) * len(chain.strikes)
                ),
                put=msgspec.structs.replace(
                    chain.put, bid=(None,) * len(chain.strikes), ask=(None,) * len(chain.strikes)
                ),
            )
            for chain in snapshot.expiries
        )
        (vector,) = features_of([msgspec.structs.replace(snapshot, expiries=bare, quality=(QualityFlag.LTP_ONLY,))])
        (quoted,) = features_of([snapshot])
        assert vector.market.forward == pytest.approx(quoted.market.forward, rel=1e-3)
        assert vector.market.atm_iv == pytest.approx(quoted.market.atm_iv, rel=0.2)
        assert vector.values[FEATURE_NAMES.index("atm_spread")] is None
        assert vector.market.quality == (QualityFlag.LTP_ONLY,)
