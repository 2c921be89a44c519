"""A whole session as a person would watch it: every service as a process, the modes by themselves, a report at its end.

The session is a short one of a calendar of its own, so that it lasts a minute; nothing but the clock's pace and the hours
is otherwise than on a market day.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from services.ingest.sources.synthetic.source import synthetic_days
from shared.errors import BadInputError
from shared.events import ClockTick, DayReported, HistorySeeded, Mode, ModeChanged
from shared.store.cuts import read_cut
from shared.store.store import Store
from shared.store.writer import StoreWriter
from tests import builders
from trading_system.modes.report_form import read_report
from trading_system.rehearsal.environment import rehearsal_environ
from trading_system.rehearsal.run import Rehearsal, rehearse

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]
DAY = date(2026, 8, 4)
BOOK = "nifty"
HOURS = f"""
covered_from = {DAY}
covered_until = {DAY}

[[session]]
day = {DAY}
open = 09:15:00
close = 11:30:00
kind = "SPECIAL"
"""
ABROAD = {
    "THETAFLOW_EXECUTOR_TRADETRON_TOKEN": "a-token-of-somebody",
    "THETAFLOW_EXECUTOR_TRADETRON_URL": "https://api.tradetron.tech/api",
    "THETAFLOW_EXECUTOR_VENUE_MODE": "live",
    "THETAFLOW_INGEST_SOURCE": "kite",
    "THETAFLOW_INGEST_NSE_URL": "https://www.nseindia.com",
    "THETAFLOW_ALERTS_CRITICAL_TO": "json://alerts.example.org",
    "REDIS_URL": "redis://broker.example.org:6379/0",
}
"""What a person who trades live has in the environment."""


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal that is over: its folder, its report, and which services had to be started again."""

    folder: Path
    report: DayReported
    restarted: tuple[str, ...]


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    folder = tmp_path_factory.mktemp("rehearsal")
    table = folder / "calendar.toml"
    table.write_text(HOURS)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    environ |= {"THETAFLOW_CALENDAR_TABLE": str(table), "THETAFLOW_GATEWAY_PORT": "0"}
    environ |= builders.environ_of(**builders.UNGATED, **builders.SHORT_HOLDING)  # that there is something to send
    earlier = StoreWriter(folder / "earlier", BOOK)
    for chain in synthetic_days(3, 3, start=date(2026, 7, 30), strikes=21):
        earlier.put_chain(chain)
    earlier.close()
    restarted: list[str] = []
    asked = Rehearsal(
        DAY, 120.0, BOOK, folder / "earlier", folder / "own", once=True, warm_up_s=45.0, environ={**environ, **ABROAD}
    )
    report = rehearse(asked, lambda name, code, tail: restarted.append(f"{name} {code} {tail}"))
    assert report is not None
    return Rehearsed(folder / "own", report, tuple(restarted))


def test_the_day_is_replayed_after_the_close_and_equal(rehearsed: Rehearsed):
    assert rehearsed.report.equal is True, rehearsed.report.text
    assert rehearsed.report.live_hash == rehearsed.report.replayed_hash != ""
    assert rehearsed.restarted == ()


def test_the_modes_change_by_themselves_and_the_next_session_is_armed(rehearsed: Rehearsed):
    changed = list(Store(rehearsed.folder / "store").read_events(DAY.isoformat(), BOOK, (ModeChanged,)))
    told = [(one.mode, one.day) for one in changed if isinstance(one, ModeChanged)]
    assert told == [(Mode.LIVE, "2026-08-04"), (Mode.OFFLINE, "2026-08-05")]
    armed = json.loads((rehearsed.folder / "executor" / "armed.json").read_bytes())["content"]
    assert (armed["day"], armed["operator"]) == ("2026-08-05", "rehearsal")


def test_every_state_is_archived_before_the_open_with_the_hash_that_the_mode_tells(rehearsed: Rehearsed):
    cut = read_cut(rehearsed.folder / "store", BOOK, DAY.isoformat())
    (live,) = [
        one
        for one in Store(rehearsed.folder / "store").read_events(DAY.isoformat(), BOOK, (ModeChanged,))
        if isinstance(one, ModeChanged) and one.mode is Mode.LIVE
    ]
    assert live.states == dict(cut.digests)
    assert cut.taken_ns < live.until


def test_the_features_begin_with_the_stored_days_and_their_state_is_archived_with_them(rehearsed: Rehearsed):
    store = Store(rehearsed.folder / "store")
    (seeded,) = [
        one for one in store.read_events("2026-08-03", BOOK, (HistorySeeded,)) if isinstance(one, HistorySeeded)
    ]
    assert seeded.days == ("2026-07-30", "2026-07-31", "2026-08-03")
    cut = read_cut(rehearsed.folder / "store", BOOK, DAY.isoformat())
    features = next(one for one in cut.handlers if one.service == "features")
    assert features.checkpoint == seeded.state or any(isinstance(one, HistorySeeded) for one in features.events())


def test_the_market_was_played_to_its_close(rehearsed: Rehearsed):
    ticks = list(Store(rehearsed.folder / "store").read_events(DAY.isoformat(), BOOK, (ClockTick,)))
    assert len(ticks) == 136
    stored = Store(rehearsed.folder / "store").days(BOOK)[-1]
    assert stored.snapshots > 60


def test_the_report_is_written_for_people_and_machines(rehearsed: Rehearsed):
    report = read_report(rehearsed.folder / "reports" / rehearsed.report.path)
    assert report.figures == rehearsed.report.figures
    assert report.figures["signals"] > 60
    assert report.replay.equal
    page = (rehearsed.folder / "reports" / rehearsed.report.path).with_name("report.md").read_text()
    assert "Replay: equal to live" in page


def test_the_venue_on_this_machine_got_what_the_book_wanted_and_nobody_else_did(rehearsed: Rehearsed):
    lines = [json.loads(line) for line in (rehearsed.folder / "venue.jsonl").read_bytes().splitlines()]
    assert lines
    assert all("auth-token" not in line for line in lines)
    assert lines[0]["at"].startswith("2026-08-04T")
    for log in (rehearsed.folder / "logs").glob("*.log"):
        said = log.read_text()
        assert "somebody" not in said
        assert "tradetron.tech" not in said
        assert "example.org" not in said


def test_nothing_of_a_person_s_environment_that_leads_outside_is_left(tmp_path: Path):
    made = rehearsal_environ(
        {**ABROAD, "THETAFLOW_RISK_MAX_LOTS": "2"},
        tmp_path,
        site="http://127.0.0.1:1",
        venue="http://127.0.0.1:2",
        shown_ns=0,
        since_ns=0,
        rate=60.0,
    )
    for name, value in ABROAD.items():
        assert made.get(name) != value or name == "THETAFLOW_EXECUTOR_VENUE_MODE"
    assert made["THETAFLOW_RISK_MAX_LOTS"] == "2"
    assert all("127.0.0.1" in value for value in made.values() if "://" in value)


def test_a_day_without_a_session_is_refused(tmp_path: Path):
    asked = Rehearsal(date(2026, 8, 8), 60.0, BOOK, tmp_path, tmp_path / "own", environ={})
    with pytest.raises(BadInputError, match="a trading day"):
        rehearse(asked)
