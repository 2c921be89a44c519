"""The doctor of a live morning holds the host's clock against the site's."""

from __future__ import annotations

import pytest

from shared.clock import NS_PER_SECOND, ManualClock, SystemClock, ist_date
from tests.fakes.webhook import FakeWebhook
from trading_system.operations.checks import clock
from trading_system.operations.checks.findings import Finding, Grade, Subject


def finding(url: str) -> Finding:
    environ = {
        "THETAFLOW_INGEST_SOURCE": "nse",
        "THETAFLOW_INGEST_ACCEPT_NSE_TERMS": "true",
        "THETAFLOW_INGEST_NSE_URL": url,
        "THETAFLOW_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    now = SystemClock().now_ns()
    (found,) = clock.host_clock(Subject(ist_date(now), environ, now_ns=now))
    return found


def test_it_says_how_far_apart_they_are_and_fails_when_that_is_far(monkeypatch: pytest.MonkeyPatch):
    with FakeWebhook() as site:
        assert finding(site.url).grade is Grade.OK
        ahead = ManualClock(SystemClock().now_ns() + 90 * NS_PER_SECOND)
        monkeypatch.setattr(clock, "SystemClock", lambda: ahead)
        found = finding(site.url)
    assert found.grade is Grade.FAILED
    assert "ahead of the site's" in found.text
    assert "time server" in found.todo


def test_a_site_that_does_not_answer_is_a_warning():
    found = finding("http://127.0.0.1:1")
    assert found.grade is Grade.WARNING
    assert "did not tell its time" in found.text
