"""One folder of tables goes over the packaged ones for every service, and what is assumed unchanged is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import TableSettings, load_settings
from trading_system.wiring import Installation

HEAD = "covered_from = 2012-01-01\ncovered_until = 2027-12-31\n"
LOT = (
    '[[lot]]\nunderlying = "NIFTY"\nsize = 70\nintroduced = 2026-12-01\nweekly_from = 2027-01-05\n'
    "monthly_from = 2027-01-25\nlong_dated_from = 2026-12-30\n"
)
STT = "[[stt_sale]]\nfrom = 2027-01-01\nrate = 0.002\n"
HOLIDAY = '[[holiday]]\nday = 2027-02-03\nname = "a holiday of our own"\n'
SPREAD = "[[spread]]\nfrom = 2012-01-01\ndays = 7\npoints = 3.0\nshare = 0.25\n"
LATE = date(2026, 9, 1)


def folder_of(tmp_path: Path, **tables: str) -> Path:
    for name, rows in tables.items():
        (tmp_path / f"{name}.toml").write_text(HEAD + rows)
    return tmp_path


def test_every_table_of_a_folder_is_laid_over_its_packaged_one(tmp_path: Path):
    folder = folder_of(tmp_path, contracts=LOT, costs=STT, calendar=HOLIDAY, quotes=SPREAD)
    house = Installation.load({"THETAFLOW_TABLES_FOLDER": str(folder)})
    assert house.contracts.lot_size("NIFTY", date(2027, 2, 2), date(2027, 1, 6)) == 70
    assert house.costs.rates(date(2027, 1, 4)).stt_sale == 0.002
    assert not house.calendar.is_trading_day(date(2027, 2, 3))
    assert house.quotes.bound(LATE, LATE.replace(day=5)).share == 0.25
    assert house.clock.weights(LATE) == Installation.load({}).clock.weights(LATE)


def test_a_table_named_by_a_setting_of_its_own_wins_over_the_folders(tmp_path: Path):
    mine = tmp_path / "elsewhere"
    mine.mkdir()
    (mine / "q.toml").write_text(HEAD + SPREAD.replace("0.25", "0.4"))
    folder = folder_of(tmp_path, quotes=SPREAD)
    environ = {"THETAFLOW_TABLES_FOLDER": str(folder), "THETAFLOW_QUOTES_TABLE": str(mine / "q.toml")}
    assert Installation.load(environ).quotes.bound(LATE, LATE.replace(day=5)).share == 0.4


@pytest.mark.parametrize("name", ["holidays", "lots", "Calendar"])
def test_a_file_of_no_table_is_refused_with_the_names_there_are(tmp_path: Path, name: str):
    folder = folder_of(tmp_path, **{name: ""})
    with pytest.raises(ConfigError, match=r"contracts\.toml"):
        load_settings(TableSettings, {"THETAFLOW_TABLES_FOLDER": str(folder)})


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="folder"):
        load_settings(TableSettings, {"THETAFLOW_TABLES_FOLDER": str(tmp_path / "absent")})


def test_tables_past_their_day_are_named_with_it_until_a_newer_one_is_laid_over(tmp_path: Path):
    assert Installation.load({}).assumed(date(2026, 8, 21)) == ()
    assert [text for text in Installation.load({}).assumed(LATE) if text.startswith("costs")] == [
        "costs since 22-Aug-2026"
    ]
    house = Installation.load({"THETAFLOW_TABLES_FOLDER": str(folder_of(tmp_path, costs=STT))})
    assert not any(text.startswith("costs") for text in house.assumed(LATE))
    assert any(text.startswith("margin") for text in house.assumed(LATE))
