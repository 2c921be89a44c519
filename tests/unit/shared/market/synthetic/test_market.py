"""The made-up chain is free of arbitrage at every minute, expires as chains do, and obeys the dated tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.pricing.black import black76_price
from shared.market.synthetic.chain import ssvi_variance, total_variance
from shared.market.synthetic.market import SyntheticMarket
from shared.market.ticks import TICK
from shared.market.variance_clock import VarianceClock


@pytest.fixture(scope="module")
def market():
    calendar = TradingCalendar.load()
    return SyntheticMarket(11, calendar, ContractTable.load(), VarianceClock.load(calendar), expiries=3)


@pytest.fixture(scope="module")
def week(market):
    return list(market.days(date(2026, 6, 1), 7))


def test_fair_prices_allow_no_butterfly_and_no_calendar_arbitrage():
    strikes = np.arange(18_000.0, 30_000.0, 50.0)
    moneyness = np.log(strikes / 24_000.0)
    previous = None
    for variance in (1e-6, 1e-5, 1e-4, 4e-4, 2e-3, 1e-2, 5e-2):
        total = ssvi_variance(moneyness, np.array(variance))
        calls = black76_price(24_000.0, strikes, 1.0, np.sqrt(total), is_call=True)
        assert np.all(np.diff(calls) <= 1e-9)
        assert np.all(np.diff(calls, 2) >= -1e-6)
        assert previous is None or np.all(total >= previous)
        previous = total


def test_a_later_expiry_has_more_variance_at_every_minute(week):
    for day in week:
        ladder = [total_variance(day.path, 0.0026, (0.0038,) * after, 0.12) for after in (0, 1, 5, 10, 21)]
        assert all(np.all(later > nearer) for nearer, later in pairwise(ladder))


def test_quotes_stand_on_the_tick_and_never_cross(week):
    for day in week:
        for one in day.expiries:
            for side in (one.call, one.put):
                assert np.all(side.ask >= side.bid + TICK - 1e-9)
                for price in (side.bid, side.ask, side.ltp):
                    assert np.allclose(price / TICK, np.rint(price / TICK), atol=1e-6)
                assert np.all(side.bid >= 0)


def test_volumes_only_grow_and_oi_never_goes_negative(week):
    for day in week:
        for one in day.expiries:
            for side in (one.call, one.put):
                assert np.all(np.diff(side.volume, axis=0) >= 0)
                assert np.all(side.oi >= 0)
                assert np.array_equal(
                    side.oi - side.oi_change, np.broadcast_to((side.oi - side.oi_change)[0], side.oi.shape)
                )


def test_calls_and_puts_agree_on_one_forward_that_carries(week):
    for one in week[2].expiries:
        middle = (one.call.bid + one.call.ask) / 2 - (one.put.bid + one.put.ask) / 2 + one.strikes
        at = np.argmin(np.abs(one.strikes[None, :] - week[2].path.spot[:, None]), axis=1)
        forwards = middle[np.arange(len(at)), at]
        assert np.median(np.abs(np.diff(middle[:, 28:33], axis=1))) < 1.0
        carry = forwards / week[2].path.spot - 1
        assert 0 <= np.median(carry) < 0.012


def test_the_front_expires_at_its_close_worth_its_intrinsic_value(week):
    day = next(day for day in week if day.session.day == date(2026, 6, 2))
    front = day.expiries[0]
    assert front.expiry == day.session.day
    intrinsic = np.maximum(day.path.spot[-1] - front.strikes, 0.0)
    assert np.all(np.abs((front.call.bid[-1] + front.call.ask[-1]) / 2 - intrinsic) < np.maximum(0.02 * intrinsic, 1.0))


def test_days_are_the_calendars_and_expiries_the_tables(market, week):
    days = [day.session.day for day in week]
    assert days == market.calendar.trading_days(date(2026, 6, 1), days[-1])
    assert [one.expiry.isoformat() for one in week[0].expiries] == ["2026-06-02", "2026-06-09", "2026-06-16"]
    assert len(week[0].stamps) == 375
    longer = next(market.days(date(2026, 8, 3), 1))
    assert len(longer.stamps) == 385


def test_open_interest_of_a_living_series_is_handed_to_the_next_day(week):
    for today, tomorrow in pairwise(week):
        old = {one.expiry: one for one in today.expiries}
        shared = [one for one in tomorrow.expiries if one.expiry in old]
        assert shared
        for one in shared:
            before = dict(zip(old[one.expiry].strikes.tolist(), old[one.expiry].call.oi[-1].tolist(), strict=True))
            opening = (one.call.oi - one.call.oi_change)[0].tolist()
            known = [(before[k], oi) for k, oi in zip(one.strikes.tolist(), opening, strict=True) if k in before]
            assert all(then == now for then, now in known)


def test_a_rich_market_prices_the_same_path_at_so_much_more_volatility(market):
    fair = next(market.days(date(2026, 6, 1), 1))
    rich = next(replace(market, richness=0.2).days(date(2026, 6, 1), 1))
    assert np.array_equal(fair.path.spot, rich.path.spot)
    assert rich.vix == pytest.approx(1.2 * fair.vix)
    for cheap, dear in zip(fair.expiries, rich.expiries, strict=True):
        middle = cheap.strikes.size // 2
        ratio = dear.call.volatility[:-5, middle] / cheap.call.volatility[:-5, middle]
        assert np.median(ratio) == pytest.approx(1.2, rel=0.02)
        assert np.all(dear.put.ask[:, middle] >= cheap.put.bid[:, middle])


def test_who_sells_straddles_earns_time_in_a_rich_market_and_nothing_for_sure_in_a_fair_one(market):
    def earned(richness: float) -> float:
        found = []
        for day in replace(market, expiries=1, richness=richness).days(date(2026, 6, 1), 25):
            one, middle = day.expiries[0], day.expiries[0].strikes.size // 2
            mids = 0.5 * (one.call.bid + one.call.ask + one.put.bid + one.put.ask)[:, middle]
            found.append((mids[0] - mids[-1]) / mids[0])
        return float(np.mean(found))

    assert earned(0.5) > earned(0.0) + 0.03
