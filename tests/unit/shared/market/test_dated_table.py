"""Dated tables take the row in force, let a user's file win, and refuse files that are not what they should be."""

from __future__ import annotations

from datetime import date

import pytest

from shared.errors import TableError
from shared.market.dated_table import DatedTable, in_force

BOUNDS = "covered_from = 2020-01-01\ncovered_until = 2027-12-31\n"
ROWS = [{"from": date(2020, 1, 1), "rate": 1}, {"from": date(2024, 1, 1), "rate": 2}]


def test_a_row_holds_from_its_first_day_to_the_day_before_the_next():
    assert in_force(ROWS, date(2023, 12, 31), "rates")["rate"] == 1
    assert in_force(ROWS, date(2024, 1, 1), "rates")["rate"] == 2


def test_of_two_rows_of_one_day_the_later_written_holds():
    rows = [*ROWS, {"from": date(2024, 1, 1), "rate": 3}]
    assert in_force(rows, date(2025, 1, 1), "rates")["rate"] == 3


def test_a_day_before_the_first_row_is_an_error_that_names_the_quantity():
    with pytest.raises(TableError, match=r"rates.*31-Dec-2019"):
        in_force(ROWS, date(2019, 12, 31), "rates")


@pytest.mark.parametrize("name", ["calendar", "contracts", "costs", "margin"])
def test_every_packaged_table_loads_and_warns_only_past_its_cover(name):
    table = DatedTable.load(name)
    assert table.staleness(table.covered_until) == []
    (warning,) = table.staleness(date(2030, 1, 1))
    assert (warning.table, warning.on) == (name, date(2030, 1, 1))
    assert f"{name}.toml" in warning.message


def test_a_user_s_file_is_laid_over_the_packaged_one_and_extends_its_cover(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        BOUNDS + "[[gst]]\nfrom = 2027-01-01\nrate = 0.2\n[[novelty]]\nfrom = 2027-01-01\n", encoding="utf-8"
    )
    table = DatedTable.load("costs", file)
    assert table.covered_until == date(2027, 12, 31)
    assert table.covered_from == date(2012, 1, 1)
    assert in_force(table.rows("gst"), date(2027, 1, 1), "gst")["rate"] == 0.2
    assert in_force(table.rows("gst"), date(2026, 12, 31), "gst")["rate"] == 0.18
    assert len(table.rows("novelty")) == 1
    assert table.rows("nothing") == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("covered_from = [", "TOML"),
        ("covered_from = 2020-01-01\n", "covered_until"),
        ('covered_from = "soon"\ncovered_until = 2027-12-31\n', "covered_from"),
        ("covered_from = 2020-01-01T00:00:00\ncovered_until = 2027-12-31\n", "covered_from"),
        (BOUNDS + "gst = 3\n", "gst"),
        (BOUNDS + "gst = [3]\n", "gst"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(tmp_path, content, complaint):
    file = tmp_path / "mine.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(TableError, match=complaint):
        DatedTable.load("costs", file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(TableError, match="readable"):
        DatedTable.load("costs", tmp_path / "absent.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(TableError, match="readable"):
        DatedTable.load("costs", binary)


def test_a_row_without_a_wanted_field_is_refused_with_its_place():
    table = DatedTable("t", {"gst": [{"from": date(2020, 1, 1)}]}, date(2020, 1, 1), date(2021, 1, 1))
    with pytest.raises(TableError, match=r"rate.*\[\[gst\]\] row 1"):
        table.fields("gst", {"from": date, "rate": float})
