"""Live needs a confirmation of its own for the book and the day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.executor.venues.answers import AnswerShape
from services.executor.venues.arming import FILE, Arming, arm, check_armed, disarm, keep_answer, known_answer
from shared.errors import NotArmedError

DAY = date(2025, 8, 29)


def test_a_confirmation_holds_for_its_book_and_day_only(tmp_path: Path):
    arm(tmp_path, Arming(book="nifty", day="2025-08-29", operator="me"))
    assert check_armed(tmp_path, "nifty", DAY).operator == "me"
    for book, day in (("bank", DAY), ("nifty", date(2025, 9, 1))):
        with pytest.raises(NotArmedError, match="2025-08-29"):
            check_armed(tmp_path, book, day)


def test_without_with_a_broken_and_after_taking_it_back_there_is_none(tmp_path: Path):
    with pytest.raises(NotArmedError, match="not armed"):
        check_armed(tmp_path, "nifty", DAY)
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(NotArmedError, match="operator"):
        check_armed(tmp_path, "nifty", DAY)
    disarm(tmp_path)
    disarm(tmp_path)
    with pytest.raises(NotArmedError, match="not armed"):
        check_armed(tmp_path, "nifty", DAY)


SHAPE = AnswerShape(status=200, content_type="application/json", body="{success:true}")


def test_the_confirmed_answer_outlives_the_days_arming_and_is_of_its_venue_only(tmp_path: Path):
    keep_answer(tmp_path, "a", SHAPE, "me")
    with pytest.raises(NotArmedError, match="not armed"):
        check_armed(tmp_path, "nifty", DAY)
    arm(tmp_path, Arming(book="nifty", day="2025-08-29", operator="me"))
    assert check_armed(tmp_path, "nifty", DAY).answer == SHAPE
    keep_answer(tmp_path, "a", SHAPE, "me")
    assert check_armed(tmp_path, "nifty", DAY).operator == "me"
    disarm(tmp_path)
    with pytest.raises(NotArmedError, match="not armed"):
        check_armed(tmp_path, "nifty", DAY)
    assert known_answer(tmp_path, "a") == SHAPE
    assert known_answer(tmp_path, "b") is None


def test_a_damaged_file_knows_no_answer_and_an_older_one_arms_as_before(tmp_path: Path):
    (tmp_path / FILE).write_text("{")
    assert known_answer(tmp_path, "a") is None
    (tmp_path / FILE).write_text(
        '{"layout":"arming","v":1,"content":{"book":"nifty","day":"2025-08-29","operator":"x"}}'
    )
    assert check_armed(tmp_path, "nifty", DAY).answer is None
