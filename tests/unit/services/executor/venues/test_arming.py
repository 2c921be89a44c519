"""Live needs a confirmation of its own for the book and the day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.executor.venues.arming import FILE, Arming, arm, check_armed, disarm
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
