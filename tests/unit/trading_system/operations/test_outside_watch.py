"""From another machine: an alarm when the gateway is silent or unready for too long, once, and word when it is over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from services.alerts.channels import open_channels
from services.alerts.mailbox import Mailbox
from services.alerts.routing import rules_of
from services.alerts.settings import AlertSettings
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns
from shared.errors import ConfigError
from tests.fakes.webhook import FakeWebhook
from trading_system.operations.outside_watch import OutsideWatch, ReadyPage

READY: dict[str, Any] = {"ready": True, "broker": "connected", "books": {"nifty": "fresh"}, "silent": []}


@contextmanager
def gateway(answers: list[tuple[int, bytes]]) -> Iterator[str]:
    """Serve the answers one after the other, the last one again and again."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


def test_it_alarms_when_the_installation_falls_silent_and_says_when_it_is_back():
    unready = json.dumps({**READY, "ready": False, "silent": ["risk: no heartbeat for 50 s"]}).encode()
    clock, ready = ManualClock(ist_ns(2026, 8, 4, 11)), json.dumps(READY).encode()
    with FakeWebhook() as fake, gateway([(200, ready), *[(503, unready)] * 10, (200, ready)]) as url:
        address = fake.url.replace("http://", "json://")
        settings = AlertSettings(critical_to=SecretStr(address), warning_to=SecretStr(address))
        fake.script.extend([500])
        page = ReadyPage(url, 2.0)
        watch = OutsideWatch(
            page.shown, page.look, Mailbox(rules_of(settings)), open_channels(settings), clock, after_s=60, again_s=1800
        )
        for _ in range(14):
            watch.turn()
            clock.advance(15 * NS_PER_SECOND)
    told = [body["message"].splitlines()[0] for body in fake.bodies]
    assert told == [
        f"watch_lost: {url} is not well for 60 s: connected; risk: no heartbeat for 50 s; fresh",
        f"watch_lost: {url} is not well for 60 s: connected; risk: no heartbeat for 50 s; fresh",
        f"watch_back: {url} is well again after 150 s",
    ]  # the first one was refused and went out again


def test_a_gateway_that_does_not_answer_or_answers_nonsense_is_not_well():
    with gateway([(200, b"<html>"), (200, b'{"ready": true}'), (200, b"[]")]) as url:
        page = ReadyPage(url, 2.0)
        assert [page.look().ok for _ in range(3)] == [False] * 3
    assert "does not answer" in page.look().text


def test_the_address_is_shown_without_its_login():
    assert ReadyPage("https://asha:pw@desk.example:8443/x", 1.0).shown == "https://desk.example:8443"
    with pytest.raises(ConfigError, match="address of a gateway"):
        ReadyPage("desk.example", 1.0)
