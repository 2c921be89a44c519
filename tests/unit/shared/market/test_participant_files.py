"""The exchange's participant-wise open interest: read as it is published, before the session alone, never guessed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.errors import BadInputError, ConfigError
from shared.market.participant_files import PublishedPositions

TITLE = '"Participant wise Open Interest (no. of contracts) in Equity Derivatives as on Aug 26, 2026",,,,,,,,,,,,,,\n'
HEADINGS = (
    "Client Type,Future Index Long,Future Index Short,Future Stock Long,Future Stock Short       ,"
    "Option Index Call Long,Option Index Put Long,Option Index Call Short,Option Index Put Short,"
    "Option Stock Call Long,Option Stock Put Long,Option Stock Call Short,Option Stock Put Short,"
    "Total Long Contracts      ,Total Short Contracts\n"
)
DESKS = "Pro,10,20,30,40,600000,900000,1000000,300000,5,6,7,8,9,10\n"
OTHERS = "Client,1,2,3,4,5,6,7,8,9,10,11,12,13,14\nDII,1,2,3,4,5,6,7,8,9,10,11,12,13,14\n"
NAME = "fao_participant_oi_26082026.csv"


def folder_with(tmp_path: Path, text: str, name: str = NAME) -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path


def test_the_desks_stand_as_the_report_says_and_only_from_the_next_day_on(tmp_path):
    found = PublishedPositions.read(
        folder_with(tmp_path, TITLE + HEADINGS + OTHERS + DESKS + "TOTAL" + ",1" * 14 + "\n")
    )
    assert found.before(date(2026, 8, 26)) is None
    desks = found.before(date(2026, 8, 27))
    assert desks is not None
    assert desks.calls == pytest.approx((600_000 - 1_000_000) / 1_600_000)
    assert desks.puts == pytest.approx((900_000 - 300_000) / 1_200_000)


def test_the_newest_report_counts_and_none_older_than_a_week(tmp_path):
    folder_with(tmp_path, TITLE + HEADINGS + DESKS)
    newer = DESKS.replace("600000", "1000000")
    found = PublishedPositions.read(folder_with(tmp_path, TITLE + HEADINGS + newer, "FAO_PARTICIPANT_OI_27082026.CSV"))
    newest = found.before(date(2026, 8, 28))
    assert newest is not None
    assert newest.calls == 0.0
    assert found.before(date(2026, 9, 3)) == newest
    assert found.before(date(2026, 9, 4)) is None


def test_a_report_without_its_title_is_read_too(tmp_path):
    assert PublishedPositions.read(folder_with(tmp_path, HEADINGS + DESKS)).before(date(2026, 8, 27)) is not None


def test_without_a_folder_nothing_is_known():
    assert PublishedPositions.read(None).before(date(2026, 8, 27)) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (TITLE + HEADINGS + OTHERS, "one row of Pro"),
        (TITLE + HEADINGS + DESKS + DESKS, "one row of Pro"),
        (TITLE + HEADINGS.replace("Option Index Put Short", "Something"), "option index put short"),
        (TITLE + HEADINGS + DESKS.replace("900000", "many"), "a number"),
        (TITLE + HEADINGS + DESKS.replace("900000", "-9"), "0 or more"),
        (TITLE + HEADINGS + DESKS.replace("600000", "0").replace("1000000", "0"), "index calls held"),
        (TITLE + HEADINGS + "Pro,1,2\n", "15 cells"),
        ("", "a row of headings"),
    ],
)
def test_what_is_not_as_published_is_refused_by_name(tmp_path, text: str, wrong: str):
    with pytest.raises(BadInputError, match=wrong) as refusal:
        PublishedPositions.read(folder_with(tmp_path, text))
    assert NAME in str(refusal.value)


def test_one_day_twice_and_a_folder_that_is_none_are_refused(tmp_path):
    folder_with(tmp_path, HEADINGS + DESKS)
    with pytest.raises(BadInputError, match="one report of"):
        PublishedPositions.read(folder_with(tmp_path, HEADINGS + DESKS, NAME.upper()))
    with pytest.raises(ConfigError, match="THETAFLOW_PARTICIPANT_FILES"):
        PublishedPositions.read(tmp_path / "none")
