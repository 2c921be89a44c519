"""Exits begin before the earliest end of the day: the close, the auction that settles, the broker's own square-off."""

from __future__ import annotations

from datetime import date

import pytest

from services.executor.settings import ExecutorSettings
from shared.clock import from_ns
from shared.market.calendar import TradingCalendar
from shared.trading.settlement import last_day, settlement_price
from shared.trading.square_off import SquareOff
from tests.builders import CALL, PUT, contract

CALENDAR = TradingCalendar.load()


def begins(day: date, expiry: str, **settings: object) -> str:
    found = SquareOff(ExecutorSettings(**settings), CALENDAR).at(CALENDAR.session(day), contract(expiry=expiry))  # type: ignore[arg-type]
    return "never" if found is None else f"{from_ns(found):%H:%M}"


@pytest.mark.parametrize(
    ("day", "expiry", "settings", "begin"),
    [
        (date(2026, 7, 28), "2026-07-28", {}, "15:20"),
        (date(2026, 8, 4), "2026-08-04", {}, "15:05"),
        (date(2026, 8, 4), "2026-08-11", {}, "15:30"),
        (date(2026, 8, 4), "2026-08-04", {"hold_through_auction": True}, "15:30"),
        (date(2026, 8, 4), "2026-08-11", {"product": "intraday"}, "15:05"),
        (date(2026, 8, 4), "2026-08-11", {"product": "intraday", "broker_square_off": "15:25"}, "15:15"),
        (date(2026, 8, 4), "2026-08-11", {"square_off_minutes": 2.5}, "15:37"),
        (date(2026, 8, 4), "2026-08-11", {"carry_overnight": True}, "never"),
        (date(2026, 8, 4), "2026-08-04", {"carry_overnight": True}, "15:05"),
        (date(2024, 11, 1), "2024-11-07", {"product": "intraday"}, "18:50"),
        (date(2026, 11, 24), "2026-12-01", {}, "never"),
    ],
    ids=[
        "before there was an auction",
        "expires into the auction",
        "does not expire",
        "held into the auction",
        "intraday",
        "a broker of 15:25",
        "less time to get out",
        "carried by choice",
        "carried, but it expires",
        "an evening session has no broker's end",
        "a holiday",
    ],
)
def test_exits_begin_before_the_earliest_end(day: date, expiry: str, settings: dict[str, object], begin: str):
    assert begins(day, expiry, **settings) == begin


def test_a_contract_whose_expiry_became_a_holiday_ends_the_business_day_before():
    assert last_day(contract(expiry="2026-03-31"), CALENDAR) == date(2026, 3, 30)
    assert last_day(contract(expiry="2026-11-24"), CALENDAR) == date(2026, 11, 23)
    assert begins(date(2026, 11, 23), "2026-11-24") == "15:05"


@pytest.mark.parametrize(
    ("kind", "level", "price"), [(CALL, 24_614.90, 114.90), (CALL, 24_400.0, 0.0), (PUT, 24_400.0, 100.0)]
)
def test_a_short_pays_the_intrinsic_value(kind, level: float, price: float):
    assert settlement_price(contract(24_500.0, kind), level) == price
