"""Lots, bands and expiries follow the circulars by date, and agree with every contract the exchange listed."""

from __future__ import annotations

import csv
import gzip
from datetime import date, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import ist_ns
from shared.errors import BadInputError, TableError
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable

CALENDAR = TradingCalendar.load()
TABLE = ContractTable.load()
TODAY = date(2026, 11, 20)


def day_of(text: str) -> date:
    for pattern in ("%d-%b-%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    raise AssertionError(text)


@pytest.mark.parametrize(
    ("expiry", "on", "lot"),
    [
        ("2021-06-24", "2021-06-01", 75),
        ("2021-07-22", "2021-07-20", 75),  # a weekly of July kept the old lot
        ("2021-07-29", "2021-07-20", 50),  # the monthly beside it had the new one
        ("2021-08-05", "2021-07-20", 50),
        ("2021-12-30", "2021-06-24", 75),  # long-dated, before it was converted
        ("2021-12-30", "2021-06-25", 50),
        ("2024-05-02", "2024-04-26", 25),
        ("2024-12-26", "2024-12-20", 25),
        ("2025-01-02", "2024-12-20", 75),
        ("2025-01-30", "2025-01-10", 25),  # listed before the change, kept its lot
        ("2025-02-27", "2025-01-10", 75),
        ("2025-03-27", "2024-12-26", 25),
        ("2025-03-27", "2024-12-27", 75),
        ("2025-12-30", "2025-12-30", 75),
        ("2026-01-06", "2025-12-20", 65),
        ("2026-03-30", "2025-12-30", 75),
        ("2026-03-30", "2025-12-31", 65),
        ("2026-11-23", "2026-11-20", 65),
        ("2025-12-23", "2026-01-15", 75),  # asked after it expired: its last
    ],
)
def test_the_lot_goes_by_expiry_and_by_the_day_it_came_in(expiry, on, lot):
    assert TABLE.lot_size("NIFTY", date.fromisoformat(expiry), date.fromisoformat(on)) == lot


def test_an_unknown_underlying_or_a_day_before_the_table_is_refused():
    with pytest.raises(TableError, match="SENSEX"):
        TABLE.lot_size("SENSEX", TODAY, TODAY)
    with pytest.raises(TableError, match="NIFTY"):
        TABLE.lot_size("NIFTY", date(2011, 5, 26), date(2011, 5, 2))


def test_an_order_holds_27_lots_at_most_under_the_freeze_of_1800_units():
    assert TABLE.freeze_quantity("NIFTY", TODAY) == 1800
    assert TABLE.max_lots_per_order("NIFTY", date(2026, 11, 23), TODAY) == 27
    assert TABLE.max_lots_per_order("NIFTY", date(2025, 11, 25), date(2025, 11, 21)) == 24


def test_tick_and_strike_step():
    assert TABLE.tick_size("NIFTY", TODAY) == 0.05
    assert TABLE.strike_step("NIFTY") == 50.0
    assert TABLE.strike_step("NIFTY", TODAY) == 50.0


@pytest.mark.parametrize(
    ("reference", "band"),
    [
        (100.0, (60.0, 140.0)),
        (50.0, (30.0, 70.0)),
        (50.05, (30.05, 70.05)),  # 30.03 and 70.07, drawn in to the tick
        (12.3, (0.05, 32.3)),
        (0.0, (0.05, 20.0)),
        (247.35, (148.45, 346.25)),
    ],
)
def test_the_price_band_is_forty_per_cent_or_twenty_rupees_and_never_under_a_tick(reference, band):
    assert TABLE.price_band(reference, TODAY) == band


@given(st.floats(min_value=0, max_value=5000))
def test_band_edges_lie_on_the_tick_inside_the_band(reference):
    low, high = TABLE.price_band(reference, TODAY)
    reach = 0.4 * reference if reference > 50 else 20.0
    assert 0.05 <= low <= high
    assert low >= reference - reach - 1e-6
    assert high <= reference + reach + 1e-6
    for edge in (low, high):
        assert abs(edge * 20 - round(edge * 20)) < 1e-6


@pytest.mark.parametrize("reference", [-0.05, float("nan"), float("inf")])
def test_a_band_around_no_price_is_refused(reference):
    with pytest.raises(BadInputError, match="reference premium"):
        TABLE.price_band(reference, TODAY)


def test_expiries_moved_from_thursday_to_tuesday_and_holidays_pull_them_forward():
    spans = {
        (date(2025, 8, 20), date(2025, 9, 10)): ["2025-08-21", "2025-08-28", "2025-09-02", "2025-09-09"],
        (date(2025, 10, 14), date(2025, 10, 28)): ["2025-10-14", "2025-10-20", "2025-10-28"],
        (date(2026, 2, 24), date(2026, 4, 14)): [
            "2026-02-24",
            "2026-03-02",
            "2026-03-10",
            "2026-03-17",
            "2026-03-24",
            "2026-03-30",
            "2026-04-07",
            "2026-04-13",
        ],
        (date(2026, 10, 14), date(2026, 12, 1)): [
            "2026-10-19",
            "2026-10-27",
            "2026-11-03",
            "2026-11-09",
            "2026-11-17",
            "2026-11-23",
            "2026-12-01",
        ],
        (date(2019, 1, 1), date(2019, 2, 28)): ["2019-01-31", "2019-02-14", "2019-02-21", "2019-02-28"],
    }
    for (start, end), expected in spans.items():
        assert [day.isoformat() for day in TABLE.expiries("NIFTY", start, end, CALENDAR)] == expected


def test_a_span_of_one_day_finds_an_expiry_pulled_forward_onto_it():
    monday = date(2026, 11, 23)
    assert TABLE.expiries("NIFTY", monday, monday, CALENDAR) == [monday]
    assert TABLE.expiries("NIFTY", date(2026, 11, 24), date(2026, 11, 24), CALENDAR) == []
    assert TABLE.next_expiry("NIFTY", TODAY, CALENDAR) == monday
    assert TABLE.next_expiry("NIFTY", date(2026, 11, 24), CALENDAR) == date(2026, 12, 1)


def test_trading_in_a_contract_ends_with_the_session_of_its_expiry():
    assert TABLE.expiry_close_ns(date(2026, 11, 23), CALENDAR) == ist_ns(2026, 11, 23, 15, 40)
    assert TABLE.expiry_close_ns(date(2026, 7, 28), CALENDAR) == ist_ns(2026, 7, 28, 15, 30)


def test_a_contract_listed_for_a_day_that_became_a_holiday_ends_the_business_day_before():
    assert TABLE.expiry_close_ns(date(2026, 3, 31), CALENDAR) == ist_ns(2026, 3, 30, 15, 30)
    assert TABLE.expiry_close_ns(date(2026, 11, 24), CALENDAR) == ist_ns(2026, 11, 23, 15, 40)


def test_monthly_and_weekly_contracts_are_told_apart_also_when_pulled_forward():
    for text, monthly in (("2026-03-30", True), ("2026-11-23", True), ("2025-10-20", False), ("2025-08-28", True)):
        assert TABLE.is_monthly("NIFTY", date.fromisoformat(text), date(2025, 8, 20)) == monthly, text
    # Listed as a Thursday long before Tuesdays, and the last of its month all the same.
    assert TABLE.is_monthly("NIFTY", date(2026, 12, 31), date(2025, 1, 1))


def test_the_table_warns_past_the_day_it_was_verified():
    assert TABLE.staleness(TABLE.covered_until) == []
    (warning,) = TABLE.staleness(TODAY)
    assert warning.table == "contracts"


def test_a_user_s_row_brings_a_new_lot(tmp_path):
    file = tmp_path / "contracts.toml"
    file.write_text(
        "covered_from = 2026-12-01\ncovered_until = 2027-03-31\n"
        '[[lot]]\nunderlying = "NIFTY"\nsize = 70\nintroduced = 2026-12-01\nweekly_from = 2027-01-05\n'
        "monthly_from = 2027-01-25\nlong_dated_from = 2026-12-30\n",
        encoding="utf-8",
    )
    table = ContractTable.load(file)
    assert table.lot_size("NIFTY", date(2027, 1, 5), date(2026, 12, 10)) == 70
    assert table.lot_size("NIFTY", date(2026, 12, 29), date(2026, 12, 10)) == 65
    assert table.covered_until == date(2027, 3, 31)


@pytest.mark.market_data
def test_lots_equal_those_of_fourteen_years_of_futures(market_data):
    compared = wrong = 0
    slips = set()
    with (market_data / "daily-vix-spot-span-2012-2026" / "bhav_index.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["symbol"] != "NIFTY" or not (row["stated_lot"] or row["implied_lot"]):
                continue
            # Without a stated lot there is turnover over contracts and close, good to a few per cent.
            stated = float(row["stated_lot"]) if row["stated_lot"] else None
            on, expiry = day_of(row["date"]), day_of(row["expiry"])
            lot = TABLE.lot_size("NIFTY", expiry, on)
            compared += 1
            agrees = lot == stated if stated else abs(float(row["implied_lot"]) / lot - 1) < 0.1
            if not agrees:
                wrong += 1
                slips.add((on, expiry))
    assert compared > 9000
    assert (wrong, slips) == (0, set())


@pytest.mark.market_data
def test_lots_equal_those_of_every_option_in_the_end_of_day_files(market_data):
    compared = 0
    for file in sorted((market_data / "bhavcopy-nifty-udiff").glob("*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as rows:
            listed = {(row["TradDt"], row["XpryDt"], row["NewBrdLotQty"]) for row in csv.DictReader(rows)}
        for on, expiry, lot in listed:
            assert TABLE.lot_size("NIFTY", day_of(expiry), day_of(on)) == int(lot), (on, expiry)
            compared += 1
    assert compared > 100


def nearest_listed(listed: list[date], on: date) -> list[date]:
    """Take the run of weekly contracts the exchange lists ahead, up to the first gap longer than a week and a holiday."""
    run = [day for day in sorted(listed) if day >= on]
    for index in range(1, len(run)):
        if (run[index] - run[index - 1]).days > 9:
            return run[:index]
    return run


@pytest.mark.market_data
def test_expiries_equal_those_the_exchange_listed(market_data):
    chains: dict[date, list[date]] = {}
    for folder in sorted((market_data / "nse-raw-oldapi-2025q4" / "raw").iterdir())[::3]:
        records = orjson.loads(gzip.decompress(max(folder.iterdir()).read_bytes()))["records"]
        chains[day_of(records["timestamp"][:11])] = [day_of(text) for text in records["expiryDates"]]
    v3_file = min((market_data / "nse-v3-2026" / "raw_json_afterhours_20260619").glob("*.json"))
    records = orjson.loads(v3_file.read_bytes())["data"]["records"]
    chains[day_of(records["timestamp"][:11])] = [day_of(text) for text in records["expiryDates"]]
    with gzip.open(market_data / "bhavcopy-nifty-udiff" / "NIFTY_2026-01-01.csv.gz", "rt", encoding="utf-8") as rows:
        chains[date(2026, 1, 1)] = sorted({day_of(row["XpryDt"]) for row in csv.DictReader(rows) if row["OptnTp"]})
    with (market_data / "bhavcopy-nifty-2024h1" / "2024-04-25.csv").open(encoding="utf-8") as rows:
        chains[date(2024, 4, 25)] = sorted({day_of(row["Expiry"]) for row in csv.DictReader(rows)})
    assert len(chains) >= 12
    for on, listed in chains.items():
        run = nearest_listed(listed, on)
        assert len(run) >= 5
        assert TABLE.expiries("NIFTY", on, run[-1], CALENDAR) == run, on
        if on >= date(2025, 9, 1):  # long-dated series listed under the rule still in force
            computed = set(TABLE.expiries("NIFTY", on, listed[-1], CALENDAR))
            # 31-Mar-2026 was listed until December 2025 declared it a holiday.
            assert {TABLE.shifted(day, CALENDAR) for day in listed} <= computed, on
            assert set(listed) - computed <= {date(2026, 3, 31)}, on
            assert all(TABLE.is_monthly("NIFTY", day, on) for day in listed if day not in run)


@pytest.mark.market_data
def test_futures_expired_on_the_days_told(market_data):
    last_traded: dict[date, date] = {}
    with (market_data / "daily-vix-spot-span-2012-2026" / "bhav_index.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["symbol"] == "NIFTY":
                expiry = day_of(row["expiry"])
                last_traded[expiry] = max(day_of(row["date"]), last_traded.get(expiry, date.min))
    # Contracts renamed to another day before they expired traded to the eve of that.
    expired = sorted(e for e, last in last_traded.items() if last == e)
    monthly = [
        day
        for day in TABLE.expiries("NIFTY", date(2012, 7, 5), date(2025, 11, 21), CALENDAR)
        if TABLE.is_monthly("NIFTY", day, day)
    ]
    assert set(expired) <= set(monthly)
    assert sorted(set(monthly) - set(expired)) == [date(2014, 4, 23)]  # its rows carry the name of the day before
