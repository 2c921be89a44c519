"""The calendar knows every session of 2012 to 2026, says what it does not know, and agrees with what was traded."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from dataclasses import astuple
from datetime import date, datetime, timedelta

import orjson
import pytest

from shared.clock import IST, NS_PER_MINUTE, NS_PER_SECOND, from_ns, ist_date, ist_ns, parse_nse_stamp, to_ns
from shared.errors import TableError
from shared.market.calendar import SessionKind, TradingCalendar
from shared.market.session import SessionPhase, SettlementRule

WEEKDAY_HOLIDAYS = {
    2024: "22-Jan 26-Jan 08-Mar 25-Mar 29-Mar 11-Apr 17-Apr 01-May 20-May 17-Jun 17-Jul 15-Aug 02-Oct 15-Nov 20-Nov 25-Dec",
    2025: "26-Feb 14-Mar 31-Mar 10-Apr 14-Apr 18-Apr 01-May 15-Aug 27-Aug 02-Oct 22-Oct 05-Nov 25-Dec",
    2026: "15-Jan 26-Jan 03-Mar 26-Mar 31-Mar 03-Apr 14-Apr 01-May 28-May 26-Jun 14-Sep 02-Oct 20-Oct 10-Nov 24-Nov 25-Dec",
}
WEEKEND_SESSIONS = {
    2024: {date(2024, 1, 20), date(2024, 3, 2), date(2024, 5, 18)},
    2025: {date(2025, 2, 1)},
    2026: {date(2026, 2, 1)},
}


@pytest.fixture(scope="module")
def calendar() -> TradingCalendar:
    return TradingCalendar.load()


def day_of(stamp: str, pattern: str) -> date:
    return datetime.strptime(stamp, pattern).date()  # noqa: DTZ007 - a calendar day has no zone


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_a_listed_year_is_open_on_weekdays_but_its_holidays_and_on_no_other_weekend_day(calendar, year):
    closed = {day_of(f"{text}-{year}", "%d-%b-%Y") for text in WEEKDAY_HOLIDAYS[year].split()}
    day = date(year, 1, 1)
    while day.year == year:
        expected = (day.weekday() < 5 and day not in closed) or day in WEEKEND_SESSIONS[year]
        assert calendar.is_trading_day(day) == expected, day
        if day in closed:
            assert calendar.holiday_name(day), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "closes", "minutes"),
    [(date(2026, 7, 31), "15:30", 375), (date(2026, 8, 3), "15:40", 385), (date(2019, 6, 6), "15:30", 375)],
)
def test_regular_hours_grew_by_ten_minutes_on_3_august_2026(calendar, day, closes, minutes):
    session = calendar.session(day)
    assert session is not None
    assert from_ns(session.open_ns).strftime("%H:%M") == "09:15"
    assert from_ns(session.close_ns).strftime("%H:%M") == closes
    assert session.close_ns - session.open_ns == minutes * NS_PER_MINUTE
    assert (session.kind, session.assumed) == (SessionKind.REGULAR, False)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2023, 11, 12), "18:15", "19:15"),
        (date(2024, 11, 1), "18:00", "19:00"),
        (date(2025, 10, 21), "13:45", "14:45"),
        (date(2021, 11, 4), "18:15", "19:15"),
    ],
)
def test_a_muhurat_hour_is_a_session_on_a_day_no_contract_expires(calendar, day, opens, closes):
    session = calendar.session(day)
    assert session is not None
    assert session.kind is SessionKind.MUHURAT
    assert f"{from_ns(session.open_ns):%H:%M} {from_ns(session.close_ns):%H:%M}" == f"{opens} {closes}"
    assert calendar.is_trading_day(day)
    assert not calendar.is_business_day(day)


def test_a_festival_session_of_unknown_hours_is_no_tradable_session_and_says_so(calendar):
    day = date(2026, 11, 8)
    assert calendar.session(day) is None
    assert "not found" in calendar.note(day)
    assert calendar.holiday_name(day) == "Diwali Laxmi Pujan"
    assert calendar.note(date(2026, 11, 9)) == ""


def test_the_market_is_open_from_its_first_to_its_last_moment_and_shut_around_them(calendar):
    opens, closes = ist_ns(2026, 11, 23, 9, 15), ist_ns(2026, 11, 23, 15, 40)
    for ns, is_open in ((opens - 1, False), (opens, True), (closes, True), (closes + 1, False)):
        assert (calendar.session_at(ns) is not None) == is_open
    assert calendar.session_at(ist_ns(2026, 11, 24, 11)) is None
    assert calendar.session_at(ist_ns(2025, 10, 21, 10)) is None
    assert calendar.session_at(ist_ns(2025, 10, 21, 14)) is not None


def test_neighbouring_trading_days_skip_weekends_and_holidays(calendar):
    assert calendar.previous_trading_day(date(2026, 11, 25)) == date(2026, 11, 23)
    assert calendar.next_trading_day(date(2026, 11, 23)) == date(2026, 11, 25)
    assert calendar.next_trading_day(date(2026, 1, 30)) == date(2026, 2, 1)
    assert calendar.trading_days(date(2026, 11, 20), date(2026, 11, 25)) == [
        date(2026, 11, 20),
        date(2026, 11, 23),
        date(2026, 11, 25),
    ]


def test_days_past_the_table_are_assumed_and_marked(calendar):
    session = calendar.session(date(2027, 1, 4))
    assert session is not None
    assert session.assumed
    assert not calendar.is_covered(date(2027, 1, 4))
    assert calendar.session(date(2027, 1, 26)) is None
    assert calendar.holiday_name(date(2027, 1, 26)) == "Republic Day"
    assert calendar.holiday_name(date(2027, 1, 4)) is None
    (warning,) = calendar.staleness(date(2027, 1, 4))
    assert warning.covered_until == calendar.covered_until == date(2026, 12, 31)


def test_days_before_the_table_are_refused(calendar):
    with pytest.raises(TableError, match="01-Jan-2012"):
        calendar.session(date(2011, 12, 30))


def test_a_closure_without_end_is_an_error_rather_than_a_loop(tmp_path):
    shut = (date(2027, 1, 2) + timedelta(days=offset) for offset in range(40))
    rows = "".join(f'[[holiday]]\nday = {day}\nname = "shut"\n' for day in shut)
    file = tmp_path / "calendar.toml"
    file.write_text("covered_from = 2027-01-01\ncovered_until = 2027-12-31\n" + rows, encoding="utf-8")
    with pytest.raises(TableError, match="30 days"):
        TradingCalendar.load(file).next_trading_day(date(2027, 1, 1))


def test_a_user_s_file_adds_holidays_sessions_and_hours(tmp_path):
    file = tmp_path / "calendar.toml"
    file.write_text(
        "covered_from = 2026-11-01\ncovered_until = 2027-12-31\n"
        '[[session]]\nday = 2026-11-08\nkind = "MUHURAT"\nopen = 18:00:00\nclose = 19:00:00\n'
        '[[session]]\nday = 2026-11-24\nkind = "REGULAR"\nopen = 09:15:00\nclose = 15:40:00\n'
        '[[holiday]]\nday = 2027-03-08\nname = "Mahashivratri"\n'
        "[[hours]]\nfrom = 2027-01-01\nopen = 09:15:00\nclose = 17:00:00\n",
        encoding="utf-8",
    )
    calendar = TradingCalendar.load(file)
    assert calendar.session_at(ist_ns(2026, 11, 8, 18, 30)) is not None
    assert calendar.is_business_day(date(2026, 11, 24))
    assert calendar.session(date(2027, 3, 8)) is None
    later = calendar.session(date(2027, 1, 4))
    assert later is not None
    assert later.close_ns == ist_ns(2027, 1, 4, 17)
    assert not later.assumed
    assert calendar.is_covered(date(2027, 1, 4))


@pytest.mark.parametrize(
    "row",
    [
        'kind = "PARTY"\nopen = 18:00:00\nclose = 19:00:00',
        'kind = "SPECIAL"\nopen = 18:00:00',
        'kind = "SPECIAL"\nclose = 18:00:00',
    ],
)
def test_a_session_row_that_makes_no_sense_is_refused(tmp_path, row):
    file = tmp_path / "calendar.toml"
    file.write_text(
        f"covered_from = 2026-01-01\ncovered_until = 2026-12-31\n[[session]]\nday = 2026-11-08\n{row}\n",
        encoding="utf-8",
    )
    with pytest.raises(TableError, match="2026-11-08"):
        TradingCalendar.load(file)


def test_the_library_is_imported_only_for_years_before_our_own_table():
    program = (
        "import sys; from datetime import date; from shared.market.calendar import TradingCalendar as T; c = T.load();"
        "c.session(date(2024, 1, 2)); c.session(date(2026, 11, 23)); assert 'pandas_market_calendars' not in sys.modules;"
        "c.session(date(2023, 12, 29)); assert 'pandas_market_calendars' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_holidays_of_2019_are_those_on_which_a_live_page_stood_still(calendar):
    frozen = [(3, 4), (4, 17), (4, 19), (4, 29), (5, 1), (6, 5), (8, 12), (8, 15), (9, 2), (9, 10)]
    for month, number in frozen:
        assert calendar.session(date(2019, month, number)) is None
        assert calendar.holiday_name(date(2019, month, number)) == "exchange holiday"
    # The page stood still on 9 July too, on a day of trade: the page's own fault.
    assert calendar.is_trading_day(date(2019, 7, 9))
    assert calendar.holiday_name(date(2019, 7, 9)) is None
    assert calendar.holiday_name(date(2019, 7, 7)) is None


@pytest.mark.market_data
def test_every_day_with_a_volatility_index_close_is_a_session_and_no_other_from_2012_to_2025(calendar, market_data):
    with (market_data / "daily-vix-spot-span-2012-2026" / "india_vix.csv").open(encoding="utf-8") as file:
        closes = {day_of(row["Date "].strip(), "%d-%b-%Y") for row in csv.DictReader(file)}
    with (market_data / "daily-vix-spot-span-2012-2026" / "volatility.csv").open(encoding="utf-8") as file:
        traded = closes | {date.fromisoformat(row["date"]) for row in csv.DictReader(file)}
    traded = {day for day in traded if day <= date(2025, 11, 21)}
    known = set(calendar.trading_days(date(2012, 1, 2), date(2025, 11, 21)))
    missing = sorted(traded - known)
    # Seven weekend sessions whose hours nobody wrote down: known to the table, not tradable.
    assert [day.isoformat() for day in missing] == [
        "2012-01-07",
        "2012-03-03",
        "2012-04-28",
        "2012-09-08",
        "2013-05-11",
        "2013-11-03",
        "2014-03-22",
    ]
    assert all("not found" in calendar.note(day) for day in missing)
    # The drill of 2 March 2024 left no close in this history.
    assert known - traded == {date(2024, 3, 2)}


@pytest.mark.market_data
def test_end_of_day_files_exist_for_trading_days_only(calendar, market_data):
    for folder, cut in (("bhavcopy-nifty-2024h1", slice(0, 10)), ("bhavcopy-nifty-udiff", slice(6, 16))):
        for file in (market_data / folder).glob("*20??-??-??.csv*"):
            assert calendar.is_business_day(date.fromisoformat(file.name[cut])), file.name


@pytest.mark.market_data
def test_the_last_stamp_of_each_captured_day_is_its_close(calendar, market_data):
    root = market_data / "nse-raw-oldapi-2025q4"
    with (root / "index.csv").open(encoding="utf-8") as file:
        stamps = [
            to_ns(datetime.fromisoformat(row["nse_timestamp"]).replace(tzinfo=IST)) for row in csv.DictReader(file)
        ]
    last: dict[date, int] = {}
    for ns in stamps:
        last[ist_date(ns)] = max(ns, last.get(ist_date(ns), 0))
    assert len(last) >= 28
    for day, ns in last.items():
        session = calendar.session(day)
        assert session is not None
        # The festival hour's last stamp came 15 s late; never more.
        assert session.open_ns <= ns <= session.close_ns + 15 * NS_PER_SECOND
    holiday_polls = [ns for ns in stamps if not calendar.is_trading_day(ist_date(ns))]
    assert holiday_polls == []


@pytest.mark.market_data
def test_the_captured_muhurat_body_lies_in_the_festival_hour(calendar, market_data):
    body = orjson.loads(
        gzip.decompress((market_data / "odd-cases" / "oldapi_muhurat_session_20251021.json.gz").read_bytes())
    )
    ns = parse_nse_stamp(body["records"]["timestamp"])
    session = calendar.session(ist_date(ns))
    assert session is not None
    assert session.kind is SessionKind.MUHURAT
    assert session.open_ns <= ns <= session.close_ns + 15 * NS_PER_SECOND


@pytest.mark.parametrize(
    ("clock", "phase", "trades"),
    [
        ((8, 59), SessionPhase.CLOSED, False),
        ((9, 0), SessionPhase.PRE_OPEN, False),
        ((9, 15), SessionPhase.CONTINUOUS, True),
        ((15, 14), SessionPhase.CONTINUOUS, True),
        ((15, 15), SessionPhase.CLOSING_AUCTION, True),
        ((15, 34), SessionPhase.CLOSING_AUCTION, True),
        ((15, 35), SessionPhase.DERIVATIVES_ONLY, True),
        ((15, 40), SessionPhase.DERIVATIVES_ONLY, True),
        ((15, 41), SessionPhase.CLOSED, False),
    ],
)
def test_a_day_with_a_closing_auction_goes_through_its_phases(calendar, clock, phase, trades):
    session = calendar.session(date(2026, 8, 4))
    ns = ist_ns(2026, 8, 4, *clock)
    assert (session.phase_at(ns), session.trades_at(ns)) == (phase, trades)


def test_the_auction_settles_from_3_august_2026_on_and_the_last_half_hour_before(calendar):
    before, since = calendar.session(date(2026, 7, 31)), calendar.session(date(2026, 8, 3))
    assert (before.settlement, before.auction) == (SettlementRule.LAST_HALF_HOUR, None)
    assert before.phase_at(ist_ns(2026, 7, 31, 15, 29)) is SessionPhase.CONTINUOUS
    assert since.settlement is SettlementRule.CLOSING_AUCTION
    shown = [f"{from_ns(ns):%H:%M}" for ns in astuple(since.auction)]
    assert shown == ["15:15", "15:20", "15:30", "15:35"]


def test_a_day_may_have_two_windows_and_is_shut_between_them(calendar):
    session = calendar.session(date(2021, 2, 24))
    assert f"{from_ns(session.open_ns):%H:%M} {from_ns(session.close_ns):%H:%M}" == "09:15 17:00"
    hours = [ist_ns(2021, 2, 24, hour, minute) for hour, minute in ((11, 0), (13, 0), (16, 0))]
    assert [session.trades_at(ns) for ns in hours] == [True, False, True]
    assert [calendar.session_at(ns) is not None for ns in hours] == [True, False, True]


def test_nothing_trades_while_the_index_has_stopped_the_market(calendar):
    session = calendar.session(date(2020, 3, 13))
    assert session.phase_at(ist_ns(2020, 3, 13, 9, 30)) is SessionPhase.HALTED
    assert not session.trades_at(ist_ns(2020, 3, 13, 9, 30))
    assert session.trades_at(ist_ns(2020, 3, 13, 10, 20))


def test_a_user_s_file_adds_a_window_replaces_one_and_tells_of_an_outage(tmp_path):
    file = tmp_path / "calendar.toml"
    file.write_text(
        "covered_from = 2024-01-01\ncovered_until = 2026-12-31\n"
        '[[session]]\nday = 2024-03-02\nkind = "SPECIAL"\nopen = 11:30:00\nclose = 12:30:00\n'
        '[[session]]\nday = 2024-11-01\nkind = "MUHURAT"\nopen = 18:30:00\nclose = 19:30:00\n'
        '[[interruption]]\nday = 2026-11-25\nfrom = 11:00:00\nuntil = 11:45:00\nkind = "outage"\n',
        encoding="utf-8",
    )
    calendar = TradingCalendar.load(file)
    drill, muhurat, broken = (
        calendar.session(day) for day in (date(2024, 3, 2), date(2024, 11, 1), date(2026, 11, 25))
    )
    assert drill is not None
    assert muhurat is not None
    assert broken is not None
    assert [f"{from_ns(each.open_ns):%H:%M}" for each in drill.windows] == ["09:15", "11:30"]
    assert f"{from_ns(muhurat.open_ns):%H:%M}" == "18:30"
    assert not broken.trades_at(ist_ns(2026, 11, 25, 11, 30))


@pytest.mark.parametrize(
    "row",
    [
        '[[session]]\nday = 2026-11-08\nkind = "MUHURAT"\nopen = 19:00:00\nclose = 18:00:00\n',
        '[[interruption]]\nday = 2026-11-08\nfrom = 11:00:00\nuntil = 11:45:00\nkind = "index_halt"\nlevel = 12\n',
        '[[interruption]]\nday = 2026-11-08\nfrom = 11:00:00\nuntil = 10:45:00\nkind = "outage"\n',
        '[[cash_session]]\nfrom = 2026-11-08\nsettlement = "closing_auction"\nclose = 15:15:00\n',
        '[[cash_session]]\nfrom = 2026-11-08\nsettlement = "a guess"\n',
    ],
)
def test_hours_that_cannot_be_are_refused(tmp_path, row):
    file = tmp_path / "calendar.toml"
    file.write_text(f"covered_from = 2026-01-01\ncovered_until = 2026-12-31\n{row}", encoding="utf-8")
    with pytest.raises(TableError, match="2026-11-08"):
        TradingCalendar.load(file)


def test_announced_sessions_without_hours_are_named(calendar):
    assert calendar.announced(date(2026, 11, 1), date(2026, 12, 31)) == [date(2026, 11, 8)]
    assert calendar.announced(date(2026, 11, 9), date(2026, 12, 31)) == []
