"""`doctor --live` walks the morning's list and says what is missing in the order to do it."""

from __future__ import annotations

import os
import socket
from datetime import date
from pathlib import Path

import pytest

from services.executor.venues.arming import Arming, arm
from services.ingest.live.claim import claim_book
from shared.clock import NS_PER_SECOND, ist_ns
from shared.events import FeedKind
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.cli.doctor import to_do
from trading_system.operations.checks.findings import Finding, Grade
from trading_system.operations.doctor import examine

DAY = date(2026, 11, 18)
NINE = ist_ns(2026, 11, 18, 9, 0)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give settings with which a paper morning by Kite Connect is in order."""
    token = tmp_path / "token"
    token.write_text("today")
    written = ist_ns(2026, 11, 18, 7, 30) / NS_PER_SECOND
    os.utime(token, (written, written))
    return {
        "THETAFLOW_INGEST_SOURCE": "zerodha",
        "THETAFLOW_INGEST_ZERODHA_API_KEY": "app",
        "THETAFLOW_INGEST_ZERODHA_TOKEN_PATH": str(token),
        "THETAFLOW_EXECUTOR_DIRECTORY": str(tmp_path / "audit"),
        "THETAFLOW_RECORDER_STORE": str(tmp_path / "store"),
        "THETAFLOW_TRAINER_MODELS": str(tmp_path / "models"),
        "THETAFLOW_GATEWAY_PORT": "0",
        "THETAFLOW_BROKER_URL": "redis://127.0.0.1:9/0",
    }


def morning(environ: dict[str, str], **changes: str) -> list[Finding]:
    return list(examine(DAY, {**environ, **changes}, live=True, now_ns=NINE))


def failed(findings: list[Finding]) -> list[str]:
    return [one.check for one in findings if one.grade is Grade.FAILED]


def test_a_morning_in_order_has_no_fault(environ):
    assert failed(morning(environ)) == []


def test_what_is_missing_is_told_in_the_order_to_do_it(environ, tmp_path):
    (tmp_path / "file").write_text("")
    found = morning(
        environ,
        THETAFLOW_INGEST_ZERODHA_TOKEN_PATH=str(tmp_path / "none"),
        THETAFLOW_RECORDER_STORE=str(tmp_path / "file" / "store"),
        THETAFLOW_EXECUTOR_VENUE_MODE="live",
        THETAFLOW_EXECUTOR_VENUE_SOURCES="zerodha-quote",
        THETAFLOW_EXECUTOR_CAPITAL="1000000",
    )
    assert failed(found)[:2] == ["token", "folder"]
    listed = [text.partition(":")[0] for text in to_do(found)]
    assert listed.index("token") < listed.index("folder") < listed.index("arming")
    assert listed[-1] == "arming"
    assert "log in at" in next(one.todo for one in found if one.check == "token")


@pytest.mark.parametrize("source", ["", "synthetic", "replay", "nonsense"])
def test_a_source_that_is_no_running_market_is_red(environ, source):
    assert "source" in failed(morning(environ, THETAFLOW_INGEST_SOURCE=source))


def test_last_prices_alone_are_yellow_and_the_site_needs_its_terms(environ):
    (kite,) = [one for one in morning(environ, THETAFLOW_INGEST_SOURCE="kite") if one.check == "source"]
    assert kite.grade is Grade.WARNING
    assert "opens no trade" in kite.text
    assert failed(morning(environ, THETAFLOW_INGEST_SOURCE="nse")) == ["terms"]
    assert failed(morning(environ, THETAFLOW_INGEST_SOURCE="nse", THETAFLOW_INGEST_ACCEPT_NSE_TERMS="true")) == []
    assert failed(morning(environ, THETAFLOW_INGEST_SOURCE="openalgo")) == ["token"]


def test_a_token_of_yesterday_is_red_from_six_on(environ):
    token = Path(environ["THETAFLOW_INGEST_ZERODHA_TOKEN_PATH"])
    evening = ist_ns(2026, 11, 17, 20, 0) / NS_PER_SECOND
    os.utime(token, (evening, evening))
    assert failed(morning(environ)) == ["token"]
    early = list(examine(DAY, environ, live=True, now_ns=ist_ns(2026, 11, 18, 5, 0)))
    assert failed(early) == []


def test_arming_is_yellow_until_it_is_done(environ, tmp_path):
    changes = {
        "THETAFLOW_EXECUTOR_VENUE_MODE": "live",
        "THETAFLOW_EXECUTOR_VENUE_SOURCES": "zerodha-quote",
        "THETAFLOW_VENUE_TRADETRON_TOKEN": "secret-token",
    }
    before = {one.check: one for one in morning(environ, **changes)}
    assert (before["arming"].grade, before["arming"].todo[:15]) == (Grade.WARNING, "`thetaflow arm`")
    arm(tmp_path / "audit", Arming(book="nifty", day=DAY.isoformat(), operator="me"))
    after = {one.check: one for one in morning(environ, **changes)}
    assert after["arming"].grade is Grade.OK


def test_a_port_that_is_taken_is_told(environ):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = morning(environ, THETAFLOW_GATEWAY_PORT=str(port))
    (finding,) = [one for one in found if one.check == "port"]
    assert finding.grade is Grade.WARNING
    assert str(port) in finding.text


@pytest.mark.broker
def test_a_book_that_a_played_market_fed_is_red(environ, tmp_path):
    with EmbeddedRedis(tmp_path / "broker") as broker:
        changes = {"THETAFLOW_BROKER_URL": broker.url}
        assert "book" not in failed(morning(environ, **changes))
        with connect(broker.url) as client:
            claim_book(client, "nifty", FeedKind.PLAYED)
        assert "book" in failed(morning(environ, **changes))
