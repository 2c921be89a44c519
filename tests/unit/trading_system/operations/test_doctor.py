"""The doctor tells what is wrong with the broker instead of failing on it."""

from __future__ import annotations

from datetime import date

import pytest

from shared.streaming.redis.broker import Broker, EmbeddedBroker
from trading_system.operations.doctor import Grade, examine


@pytest.mark.broker
def test_a_broker_that_wants_a_password_is_a_finding(tmp_path):
    with EmbeddedBroker(tmp_path) as embedded:
        link = Broker(embedded.url).connect(0)
        link.call("CONFIG", "SET", "requirepass", "x")
        findings = {one.check: one for one in examine(date(2025, 8, 29), {"REDIS_URL": embedded.url})}
        link.call("CONFIG", "SET", "requirepass", "")
        link.close()
    assert findings["broker"].grade is Grade.FAILED
    assert "credentials" in findings["broker"].text
