"""The doctor tells what is wrong with the broker instead of failing on it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.executor.venues.answers import AnswerShape
from services.executor.venues.arming import keep_answer
from shared.streaming.redis.broker import Broker, EmbeddedRedis
from trading_system.operations.checks.findings import Grade
from trading_system.operations.doctor import examine


@pytest.mark.broker
def test_a_broker_that_wants_a_password_is_a_finding(tmp_path):
    with EmbeddedRedis(tmp_path) as embedded:
        link = Broker(embedded.url).connect(0)
        link.call("CONFIG", "SET", "requirepass", "x")
        findings = {one.check: one for one in examine(date(2025, 8, 29), {"REDIS_URL": embedded.url})}
        link.call("CONFIG", "SET", "requirepass", "")
        link.close()
    assert findings["broker"].grade is Grade.FAILED
    assert "credentials" in findings["broker"].text


def end_of_day(today: date, **environ: str):
    return {
        one.check: one for one in examine(today, {f"THETAFLOW_EXECUTOR_{k.upper()}": v for k, v in environ.items()})
    }


def test_it_says_when_exits_begin_and_which_session_ahead_has_no_known_hours():
    found = end_of_day(date(2026, 11, 2))
    assert found["end of day"].grade is Grade.OK
    assert "exits begin 15:30:00, in what expires 15:05:00" in found["end of day"].text
    assert found["announced session"].grade is Grade.WARNING
    assert "2026-11-08" in found["announced session"].text
    assert "announced session" not in end_of_day(date(2026, 11, 9))


def test_it_warns_of_an_exit_the_broker_would_be_quicker_with_and_of_a_level_nobody_knows_yet():
    late = end_of_day(date(2026, 11, 2), product="intraday", square_off_minutes="0")["end of day"]
    assert late.grade is Grade.WARNING
    assert "the broker buys by itself at 15:15" in late.text
    kept = end_of_day(date(2026, 11, 2), carry_overnight="true")["end of day"]
    assert "exits begin never, by choice, in what expires 15:05:00" in kept.text
    held = end_of_day(date(2026, 11, 2), hold_through_auction="true")["end of day"]
    assert held.grade is Grade.WARNING
    assert "unknown until about 15:35:00" in held.text


def test_hours_of_the_user_s_own_table_end_the_warning_and_a_table_that_makes_no_sense_is_a_finding(tmp_path: Path):
    file = tmp_path / "calendar.toml"
    row = '[[session]]\nday = 2026-11-08\nkind = "MUHURAT"\nopen = 18:00:00\nclose = 19:00:00\n'
    file.write_text("covered_from = 2026-11-01\ncovered_until = 2026-12-31\n" + row, encoding="utf-8")
    environ = {"THETAFLOW_CALENDAR_TABLE": str(file)}
    found = {one.check: one for one in examine(date(2026, 11, 8), environ)}
    assert "announced session" not in found
    assert found["session today"].text == "MUHURAT"
    file.write_text("covered_from = 2026-11-01\n", encoding="utf-8")
    broken = [one for one in examine(date(2026, 11, 8), environ) if one.check == "table calendar"]
    assert broken[0].grade is Grade.FAILED
    assert "covered_until" in broken[0].text


def test_it_says_how_much_room_the_journals_have_and_whether_the_venues_answer_is_known(tmp_path: Path):
    live = {"venue_mode": "live", "venue_sources": "v3", "directory": str(tmp_path), "disk_short_mib": "0"}
    found = end_of_day(date(2026, 11, 2), **live, disk_full_mib="0")
    assert found["venue answer"].grade is Grade.WARNING
    assert "thetaflow venue test" in found["venue answer"].todo
    assert found["disk"].grade is Grade.OK
    assert end_of_day(date(2026, 11, 2), **live, disk_full_mib="1e12")["disk"].grade is Grade.FAILED
    keep_answer(tmp_path, "tradetron", AnswerShape(status=200, content_type="", body="stored"), "me")
    assert end_of_day(date(2026, 11, 2), **live)["venue answer"].grade is Grade.OK
    assert list(tmp_path.iterdir()) == [tmp_path / "armed.json"], "it changes nothing"
    assert not {"disk", "venue answer"} & end_of_day(date(2026, 11, 2)).keys()


def test_it_says_how_desks_stand_and_when_their_report_is_missing_or_not_as_published(tmp_path: Path):
    headings = (
        "Client Type,Option Index Call Long,Option Index Put Long,Option Index Call Short,Option Index Put Short\n"
    )
    environ = {"THETAFLOW_PARTICIPANT_FILES": str(tmp_path)}
    report = tmp_path / "fao_participant_oi_26082026.csv"
    found = []
    for text in (None, headings + "Pro,1,3,3,1\n", "nothing of it\n"):
        if text is not None:
            report.write_text(text)
        found += [one for one in examine(date(2026, 8, 27), environ) if one.check == "participant files"]
    assert [one.grade for one in found] == [Grade.WARNING, Grade.OK, Grade.FAILED]
    assert "-0.50 in index calls, +0.50 in index puts" in found[1].text
