"""Index bars are read in the forms they come in; a day that is not whole is left out, a file that is none refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.clock import IST, NS_PER_MINUTE, from_ns
from shared.errors import BadInputError
from shared.market.calendar import TradingCalendar
from trading_system.analysis.index_bars import read_sessions

CALENDAR = TradingCalendar.load()
DAY = date(2026, 6, 3)
LENGTH = 5 * NS_PER_MINUTE


def bars(day: date = DAY) -> tuple[list[int], list[float], list[float]]:
    """Stamps, opens and closes of 75 bars of five minutes; each opens a point above the close before it."""
    session = CALENDAR.session(day)
    assert session is not None
    stamps = list(range(session.open_ns, session.close_ns, LENGTH))
    closes = [24_000.0 + number for number in range(len(stamps))]
    return stamps, [23_990.0, *closes[:-1]], closes


def local(ns: int, pattern: str) -> str:
    return from_ns(ns).astimezone(IST).strftime(pattern)


def written(path: Path, table: dict[str, Any]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(table), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([table, *zip(*table.values(), strict=True)])
    return path


STAMPS: dict[str, Callable[[int], object]] = {
    "date": lambda ns: local(ns, "%Y-%m-%d %H:%M:%S"),
    "datetime": lambda ns: local(ns, "%d-%m-%Y %H:%M"),
    "Timestamp": lambda ns: from_ns(ns).astimezone(IST).isoformat(),
    "ts": lambda ns: ns,
    "time": lambda ns: ns // 1_000_000_000,
}


@pytest.mark.parametrize("column", STAMPS)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_form_gives_the_same_session(tmp_path, column, suffix):
    stamps, opens, closes = bars()
    table = {column: [STAMPS[column](ns) for ns in stamps], "Open": opens, "close": closes}
    (found,) = read_sessions([written(tmp_path / f"bars.{suffix}", table)], CALENDAR)
    assert found.session.day == DAY
    assert found.length_ns == LENGTH
    assert found.prices.tolist() == [23_990.0, *closes]
    assert found.stamps.tolist() == [*stamps, stamps[-1] + LENGTH]


def test_stamps_of_a_zone_are_read_in_it(tmp_path):
    stamps, opens, closes = bars()
    utc = [datetime.fromtimestamp(ns / 1e9, UTC) for ns in stamps]
    (found,) = read_sessions(
        [written(tmp_path / "bars.parquet", {"ts": utc, "open": opens, "close": closes})], CALENDAR
    )
    assert found.stamps[0] == stamps[0]


def test_bars_of_at_the_money_options_open_where_their_premiums_say(tmp_path):
    stamps, _, closes = bars()
    count = len(stamps)
    table = {
        "datetime": [local(ns, "%Y-%m-%d %H:%M:%S") for ns in stamps],
        **{
            f"{side}_{column}": [10.0] * count
            for side in ("CALL", "PUT")
            for column in ("high", "low", "volume", "oi", "iv")
        },
        "CALL_open": [100.0] * count,
        "CALL_close": [106.0] * count,
        "PUT_open": [90.0] * count,
        "PUT_close": [86.0] * count,
        "strike": [24_000.0] * count,
        "spot": closes,
    }
    (found,) = read_sessions([written(tmp_path / "atm.csv", table)], CALENDAR)
    assert found.prices[0] == closes[0] - (106.0 - 86.0) + (100.0 - 90.0)
    assert found.prices[1:].tolist() == closes


def test_a_day_with_a_hole_and_a_festival_hour_are_no_sessions(tmp_path):
    stamps, opens, closes = bars()
    keep = [number for number in range(len(stamps)) if number != 30]
    holed = {
        "date": [local(stamps[n], "%Y-%m-%d %H:%M:%S") for n in keep],
        "open": [opens[n] for n in keep],
        "close": [closes[n] for n in keep],
    }
    muhurat, first, last = bars(date(2025, 10, 21))
    festive = {"date": [local(ns, "%Y-%m-%d %H:%M:%S") for ns in muhurat], "open": first, "close": last}
    paths = [written(tmp_path / "holed.csv", holed), written(tmp_path / "festive.csv", festive)]
    done = []
    assert read_sessions(paths, CALENDAR, lambda *counts: done.append(counts)) == []
    assert done == [(1, 2), (2, 2)]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "date,close\nnoon,5\n", ""])
def test_what_is_no_table_of_bars_is_refused_by_name(tmp_path, text):
    path = tmp_path / "strange.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"strange\.csv"):
        read_sessions([path], CALENDAR)
