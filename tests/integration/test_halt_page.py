"""The page says what risk says of the halt: risk, executor and gateway as processes, the page in a real browser."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from shared.events import CommandKind, DenialCode, HaltState
from shared.streaming.redis.broker import EmbeddedRedis
from tests.desk import SMALL_LOSS, Desk, eventually, trading_desk
from tests.fakes.chromium import Chromium, find_chromium

chromium = find_chromium()
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(chromium is None, reason="no chromium installed: the page is looked at where there is one"),
]

TOKEN = "open-sesame-1"  # noqa: S105 - of this test only
PILL, WHY = ("document.getElementById('halt').textContent", "document.getElementById('halt-why').textContent")


@contextmanager
def page_of_a_desk(folder: Path) -> Iterator[tuple[Desk, Chromium, str]]:
    """Start everything, trade nothing yet, and open the page; gives its address, too."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environ = {
        **SMALL_LOSS,
        "THETAFLOW_GATEWAY_PORT": str(port),
        "THETAFLOW_GATEWAY_CONTROL_TOKEN": TOKEN,
        "THETAFLOW_GATEWAY_POLL_MS": "20",
    }
    address = f"http://127.0.0.1:{port}"
    assert chromium is not None
    with (
        EmbeddedRedis(folder / "broker") as broker,
        trading_desk(broker.url, environ, beside=("gateway",)) as desk,
        Chromium(chromium, folder / "profile") as page,
    ):
        look_at(page, address)
        yield desk, page, address


def look_at(page: Chromium, address: str) -> None:
    """Load the page once the gateway serves it."""

    def serves() -> bool:
        try:
            return httpx.get(f"{address}/api/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    eventually(serves, "a gateway that serves")
    page.open(address, width=1440, height=900)


def shows(page: Chromium, word: str) -> str:
    """Wait until the page says a word about the halt, and give its reason."""
    page.until(f"{PILL} === '{word}'", timeout_ms=30_000)
    return str(page.ask(WHY))


def test_after_flatten_the_page_says_halted_and_a_restarted_gateway_still_does(tmp_path: Path):
    with page_of_a_desk(tmp_path) as (desk, page, address):
        desk.sell()
        shows(page, "Trading")
        answer = httpx.post(
            f"{address}/api/control",
            json={"kind": "flatten", "operator": "asha", "reason": "drill"},
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
        )
        assert answer.status_code == 202
        why = shows(page, "HALTED")
        assert "HALTED since" in why
        assert "flatten by asha: drill" in why
        halt = desk.halt(lambda halt: halt.state is HaltState.HALTED)
        assert (halt.command, halt.latches) == (CommandKind.FLATTEN, ())
        assert not desk.snapshot().positions
        desk.fleet.kill("gateway")
        desk.fleet.start("gateway")
        look_at(page, address)
        assert shows(page, "HALTED") == why


def test_after_a_trade_that_lost_too_much_the_page_says_halted_and_names_the_limit(tmp_path: Path):
    with page_of_a_desk(tmp_path) as (desk, page, _):
        desk.sell()
        shows(page, "Trading")
        trade = desk.fall()
        why = shows(page, "HALTED")
        (latch,) = desk.halt(lambda halt: bool(halt.latches)).latches
        assert latch.code is DenialCode.DAILY_LOSS
        assert f"Rs {-trade.net_pnl_paise / 100:,.2f} lost today" in latch.text
        assert f"daily_loss: {latch.text}" in why
