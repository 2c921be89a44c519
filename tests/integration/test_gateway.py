"""The gateway on a real broker over real HTTP: it shows what the streams say, live, and survives what happens to them."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from services.gateway.http.server import build_hub, listen, serve
from services.gateway.projection.lineage import find_lineage
from services.gateway.projection.view import LiveView
from services.gateway.settings import GatewaySettings
from shared import events as ev
from shared.events.topology import TOPIC_OF, Topic, partition_of
from shared.streaming.connect import connect
from shared.streaming.protocol.codec import encode
from shared.streaming.redis.broker import Broker, EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.keys import stream_key

pytestmark = pytest.mark.broker

_FAKES = Path(__file__).parents[1] / "fakes"
PlausibleDay = runpy.run_path(str(_FAKES / "plausible_day.py"))["PlausibleDay"]
browser = runpy.run_path(str(_FAKES / "chromium.py"))

PARTITIONS = 4
TOKEN = "open-sesame-1"  # noqa: S105 - of this test only


def eventually(look: Callable[[], object], timeout_s: float = 15.0) -> object:
    """Look until it holds, and give what was seen; the last failure otherwise."""
    deadline, never = monotonic() + timeout_s, threading.Event()
    while True:
        try:
            seen = look()
        except (AssertionError, httpx.TransportError):
            if monotonic() > deadline:
                raise
        else:
            if seen or monotonic() > deadline:
                assert seen
                return seen
        never.wait(0.02)


def put(url: str, events) -> None:
    """Publish events as the services do, without any of them."""
    broker = Broker(url)
    for event in events:
        key = stream_key(partition_of(event.header.book, PARTITIONS), TOPIC_OF[type(event)])
        broker.shared(partition_of(event.header.book, PARTITIONS)).call("XADD", key, "*", *encode(event))
    broker.close()


@dataclass
class Gateway:
    client: httpx.Client
    url: str
    stop: threading.Event
    thread: threading.Thread

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"/api/{path}")

    def book(self) -> dict[str, Any]:
        book: dict[str, Any] = self.get("book").json()
        return book

    def trades(self) -> int:
        trades: int = self.book()["day"]["trades"]
        return trades

    def unready(self) -> httpx.Response:
        """Give the answer that it is not ready, as soon as it says so."""
        seen = eventually(lambda: (answer := self.get("ready")).status_code == 503 and answer)
        assert isinstance(seen, httpx.Response)
        return seen


@contextmanager
def running(url: str, **changed: Any) -> Iterator[Gateway]:
    settings = GatewaySettings(port=0, poll_ms=20, streams_every_s=0.2, socket_timeout_s=2.0, **changed)
    listener, stop = listen(settings), threading.Event()
    hub = build_hub(settings, partitions=PARTITIONS)
    thread = threading.Thread(
        target=serve, args=(settings, url), kwargs={"hub": hub, "stop": stop, "listener": listener}, daemon=True
    )
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=address, timeout=10.0, trust_env=False) as client:
        try:
            yield Gateway(client, address, stop, thread)
        finally:
            stop.set()
            thread.join(15)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def day() -> list[ev.Event]:
    return list(PlausibleDay(snapshots=262))


@pytest.fixture
def broker(tmp_path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker", appendonly=True) as server:
        yield server


@pytest.fixture(scope="module")
def filled(tmp_path_factory, day) -> Iterator[str]:
    """A broker that holds the day, for tests that only look."""
    with EmbeddedRedis(tmp_path_factory.mktemp("broker")) as server:
        put(server.url, day)
        yield server.url


@pytest.fixture(scope="module")
def looking(filled, day) -> Iterator[Gateway]:
    with running(filled) as gateway:
        eventually(lambda: gateway.trades() == sum(isinstance(event, ev.Trade) for event in day))
        eventually(lambda: gateway.get("streams").is_success)
        yield gateway


def test_what_is_shown_is_what_the_streams_say(looking, day):
    view = LiveView()
    for event in day:
        view.fold(event)
    expected = view.books["nifty"]
    shown = looking.book()
    assert shown["day"] == json.loads(expected.ledger.figures(0).model_dump_json())
    assert shown["positions"] == [json.loads(p.model_dump_json()) for p in expected.positions()]
    assert len(shown["positions"]) == 2
    assert shown["denials"] == json.loads(expected.ledger.denials().model_dump_json())
    assert shown["equity"]["points"] == [list(point) for point in expected.ledger.equity().points]
    assert shown["status"]["mode"] == "mode not told"  # nobody in this test executes
    assert shown["status"]["feed"] == "replay"
    assert shown["status"]["last_tick_at"] == "2025-08-29T13:36:03.000+05:30"


@pytest.mark.parametrize("name", ["positions", "trades", "signals", "alerts"])
def test_lists_answer_for_a_book_by_name(looking, name):
    assert looking.get(f"{name}?book=nifty").json()["book"] == "nifty"
    refusal = looking.get(f"{name}?book=nobody")
    assert refusal.status_code == 404
    assert "nobody" in refusal.json()["detail"]


def test_streams_tell_length_and_last_event(looking, day):
    report = looking.get("streams").json()
    lengths = {stream["topic"]: stream["length"] for stream in report["streams"]}
    assert lengths["chain"] == sum(isinstance(event, ev.ChainSnapshot) for event in day)
    assert next(s for s in report["streams"] if s["topic"] == "trades")["last_type"] == "Trade"


def test_entries_are_readable_json_newest_first(looking):
    entries = looking.get("streams/book?count=3").json()
    assert [entry["type"] for entry in entries] == ["BookState"] * 3
    assert entries[0]["at"] == "2025-08-29T13:36:03.000+05:30"
    assert entries[0]["event"]["header"]["book"] == "nifty"
    assert looking.get("streams/nosuch").status_code == 422


def test_an_order_leads_back_to_its_snapshot_and_on_to_its_trade(looking, day):
    trade = next(event for event in day if isinstance(event, ev.Trade))
    answer = looking.get(f"events/{trade.entry_order_id}").json()
    kinds = [entry["type"] for entry in answer["events"]]
    assert kinds[0] == "ChainSnapshot"
    assert answer["events"][0]["id"] == trade.entry_order_id.split(".")[0]
    assert {"FeatureVector", "Signal", "Order"} <= set(kinds)
    mentioned = {entry["id"] for entry in answer["mentions"]}
    assert trade.header.id in mentioned
    assert sum(entry["type"] == "Fill" for entry in answer["mentions"]) == 2


def test_a_lineage_is_looked_for_on_every_topic(broker, day):
    root = day[0].header
    told = ev.Intent(header=root.child("executor"), number=1, day="2025-08-29", source="test", halted=False, targets=())
    alert = ev.Alert(header=root.child("risk"), severity=ev.Severity.INFO, code="drill", text="x")
    asked = ev.OfflineRequested(header=root.child("trainer"), kind=ev.OfflineKind.TRAINING_SET)
    put(broker.url, [told, alert, asked])
    found = find_lineage(connect(broker.url, PARTITIONS).history(), PARTITIONS, told.header.id)
    assert {entry.topic for entry in found.events} == {Topic.INTENTS, Topic.ALERTS, Topic.OFFLINE}


@pytest.mark.parametrize("event_id", ["nonsense", "nifty-20200101T101010.features"])
def test_an_event_nobody_holds_is_not_found(looking, event_id):
    assert looking.get(f"events/{event_id}").status_code == 404


def test_metrics_are_prometheus_text(looking, day):
    text = looking.get("metrics").text
    trades = sum(isinstance(event, ev.Trade) for event in day)
    assert f'thetaflow_day_trades{{book="nifty"}} {float(trades)}' in text
    assert "thetaflow_gateway_broker_up 1.0" in text
    assert 'thetaflow_stream_entries{stream="{' in text


def test_the_page_and_its_parts_come_from_here_alone(looking):
    page = looking.client.get("/")
    assert page.is_success
    assert "http://" not in page.text
    assert "https://" not in page.text
    for part in ("app.js", "render.js", "chart.js", "control.js", "dom.js", "format.js", "page.css", "cards.css"):
        assert looking.client.get(f"/static/{part}").is_success


def test_answers_carry_security_headers_and_open_nothing_to_other_origins(looking):
    answer = looking.client.get("/", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in answer.headers
    assert looking.get("book").headers["cache-control"] == "no-store"


def test_a_request_by_another_host_name_is_refused(looking):
    assert looking.client.get("/api/book", headers={"Host": "rebound.example"}).status_code == 400


def test_a_large_body_is_refused(looking):
    assert looking.client.post("/api/control", content=b"x" * 20_000).status_code == 413


def test_the_api_describes_itself(looking):
    paths = looking.get("openapi.json").json()["paths"]
    assert {"/api/book", "/api/control", "/api/events/{event_id}", "/api/live"} <= set(paths)


def test_no_consumer_group_is_made(looking, filled):
    assert looking.get("health").json()["live"]
    broker = Broker(filled)
    partition = partition_of("nifty", PARTITIONS)
    for topic in {TOPIC_OF[kind] for kind in (ev.ChainSnapshot, ev.Signal, ev.BookState, ev.Trade)}:
        assert broker.shared(partition).call("XINFO", "GROUPS", stream_key(partition, topic)) == []
    broker.close()


def updates(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """Read a live page's updates; the connection is open for as long as this iterator is kept."""
    return (json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line.startswith("data: "))


def test_live_events_bring_everything_first_and_then_what_changes(broker, day):
    put(broker.url, day)
    with running(broker.url) as gateway:
        eventually(lambda: gateway.trades() > 0)
        with gateway.client.stream("GET", "/api/live") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            received = updates(response)
            first = next(received)
            assert {"status", "market", "signal", "positions", "trades", "day", "equity", "denials", "alerts"} <= set(
                first
            )
            alert = ev.Alert(
                header=day[-1].header.child("test"), severity=ev.Severity.WARNING, code="drill", text="<b>bold</b>"
            )
            put(broker.url, [alert])
            change = next(update for update in received if update.get("alerts"))
            assert change["alerts"][0]["text"] == "<b>bold</b>"
            assert "trades" not in change


def test_one_live_page_too_many_is_refused(broker):
    with running(broker.url, live_clients=1) as gateway, gateway.client.stream("GET", "/api/live") as response:
        received = updates(response)
        assert next(received)["status"]["freshness"] in {"waiting", "closed", "stale"}
        assert gateway.get("live").status_code == 503


def test_an_open_live_page_does_not_hold_up_the_end(broker):
    with running(broker.url) as gateway, gateway.client.stream("GET", "/api/live") as response:
        received = updates(response)
        next(received)
        gateway.stop.set()
        gateway.thread.join(10)
        assert not gateway.thread.is_alive()


COMMAND = {"kind": "halt", "operator": "asha", "reason": "drill"}


def commands_on(url: str) -> list[ev.Command]:
    seen = list(read_stream(url, Topic.CONTROL, PARTITIONS))
    commands = [event for event in seen if isinstance(event, ev.Command)]
    assert commands == seen
    return commands


def test_commands_are_refused_without_a_configured_token(broker):
    with running(broker.url) as gateway:
        answer = gateway.client.post("/api/control", json=COMMAND, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 403
    assert "THETAFLOW_GATEWAY_CONTROL_TOKEN" in answer.json()["detail"]
    assert commands_on(broker.url) == []


def test_commands_are_refused_with_another_token(broker):
    with running(broker.url, control_token=SecretStr(TOKEN)) as gateway:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert gateway.client.post("/api/control", json=COMMAND, headers=headers).status_code == 401
    assert commands_on(broker.url) == []


def test_a_command_lands_on_the_control_topic_with_who_and_why(broker, day):
    put(broker.url, day)
    with running(broker.url, control_token=SecretStr(TOKEN)) as gateway:
        eventually(lambda: gateway.trades() > 0)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = gateway.client.post("/api/control", json=COMMAND, headers=headers)
        assert answer.status_code == 202
        assert gateway.client.post("/api/control", json={**COMMAND, "kind": "resume"}, headers=headers).is_success
        assert gateway.book()["status"]["halt"]["state"] == "unknown"
    halt, resume = commands_on(broker.url)
    assert (halt.kind, halt.operator, halt.reason) == (ev.CommandKind.HALT, "asha", "drill")
    assert halt.header.id != resume.header.id
    assert halt.header.ts == day[-1].header.ts
    assert TOKEN not in answer.text


@pytest.mark.parametrize(("refusing", "restored"), [("maxmemory 1", "maxmemory 0"), ("requirepass x", "requirepass ")])
def test_a_command_the_broker_refuses_answers_why(broker, refusing, restored):
    link = Broker(broker.url).connect(0)
    with running(broker.url, control_token=SecretStr(TOKEN)) as gateway:
        link.call("CONFIG", "SET", *refusing.split())
        try:
            answer = gateway.client.post("/api/control", json=COMMAND, headers={"Authorization": f"Bearer {TOKEN}"})
        finally:
            link.call("CONFIG", "SET", *restored.split(" "))
            link.close()
    assert answer.status_code == 503
    assert "did not take the command" in answer.json()["detail"]
    assert commands_on(broker.url) == []


def test_a_broker_restart_needs_no_restart_of_ours(broker, day):
    put(broker.url, day)
    with running(broker.url) as gateway:
        trades = sum(isinstance(event, ev.Trade) for event in day)
        eventually(lambda: gateway.trades() == trades)
        broker.stop()
        assert "not reachable" in gateway.unready().json()["broker"]
        assert gateway.get("health").is_success
        assert gateway.trades() == trades
        broker.start()
        eventually(lambda: gateway.get("book").json()["status"]["broker_ok"])
        put(broker.url, [ev.Alert(header=day[-1].header.child("t"), severity=ev.Severity.INFO, code="back", text="x")])
        eventually(lambda: [alert["code"] for alert in gateway.book()["alerts"]] == ["back"])
        assert gateway.trades() == trades


def test_an_emptied_broker_empties_the_view_and_fills_it_again(broker, day):
    put(broker.url, day)
    with running(broker.url) as gateway:
        eventually(lambda: gateway.trades() > 1)
        connection = Broker(broker.url)
        connection.shared(0).call("FLUSHALL")
        connection.close()
        eventually(lambda: gateway.trades() == 0)
        put(broker.url, day[: len(day) // 2])
        wanted = sum(isinstance(event, ev.Trade) for event in day[: len(day) // 2])
        assert wanted
        eventually(lambda: gateway.trades() == wanted)


def test_a_broker_that_lost_its_memory_in_a_restart_is_read_afresh(broker, day, tmp_path):
    put(broker.url, day)
    with running(broker.url) as gateway:
        eventually(lambda: gateway.trades() > 1)
        broker.kill()
        with EmbeddedRedis(tmp_path / "empty", port=broker.port) as other:
            eventually(lambda: gateway.trades() == 0)
            put(other.url, day)
            eventually(lambda: gateway.trades() > 1)


def test_trimmed_streams_are_no_reason_to_start_over(broker, day):
    put(broker.url, day)
    with running(broker.url) as gateway:
        eventually(lambda: gateway.trades() > 1)
        trades = gateway.trades()
        connection = Broker(broker.url)
        partition = partition_of("nifty", PARTITIONS)
        for topic in (Topic.BOOK, Topic.TRADES, Topic.SIGNALS):
            connection.shared(partition).call("XTRIM", stream_key(partition, topic), "MAXLEN", 0)
        connection.close()
        tail = PlausibleDay(start_ns=day[-1].header.ts + 60 * 10**9, snapshots=20, first_seq=263)
        put(broker.url, [event for event in tail if isinstance(event, ev.Signal | ev.ChainSnapshot)])
        eventually(lambda: len(gateway.get("signals").json()["signals"]) == 200)
        eventually(lambda: gateway.book()["day"]["signals"]["NEUTRAL"] > 100)
        assert gateway.trades() == trades


def test_entries_that_are_no_events_are_counted_and_stop_nothing(broker, day):
    connection = Broker(broker.url)
    partition = partition_of("nifty", PARTITIONS)
    connection.shared(partition).call("XADD", stream_key(partition, Topic.TRADES), "*", "type", "Trade", "v", "9")
    connection.shared(partition).call("XADD", stream_key(partition, Topic.BOOK), "*", "junk", b"\xff\xfe")
    connection.close()
    put(broker.url, day)
    with running(broker.url) as gateway:
        eventually(lambda: gateway.trades() > 1)
        assert gateway.book()["status"]["unreadable"] == 2
        (bad,) = [entry for entry in gateway.get("streams/trades?count=200").json() if entry["error"]]
        assert "version" in bad["error"]


def test_stale_prices_make_it_unready_and_the_reason_names_the_last_tick(broker, day):
    put(broker.url, day)
    with running(broker.url, stale_after_s=0.2) as gateway:
        eventually(lambda: gateway.trades() > 1)
        assert "last tick 29-Aug-2025 13:36:03 IST" in gateway.unready().json()["books"]["nifty"]


def test_it_starts_without_a_broker_and_says_so(broker):
    broker.stop()
    with running(broker.url) as gateway:
        eventually(lambda: gateway.get("health").is_success)
        assert gateway.get("ready").status_code == 503
        assert gateway.get("streams").status_code == 503
        assert gateway.get("streams/chain").status_code == 503
        broker.start()
        eventually(lambda: gateway.get("streams").is_success)


def process(environ: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.gateway"],
        env={**os.environ, **environ},
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_as_a_process_it_serves_and_ends_cleanly(broker):
    environ = {"THETAFLOW_BROKER_URL": broker.url, "THETAFLOW_GATEWAY_PORT": "0"}
    with process(environ) as gateway:
        assert gateway.stderr is not None
        started = json.loads(gateway.stderr.readline())
        assert httpx.get(f"{started['page']}api/health", trust_env=False).json()["live"]
        gateway.send_signal(signal.SIGTERM)
        rest = gateway.stderr.read()
        assert gateway.wait(15) == 0, rest


def test_a_wrong_setting_stops_the_process_and_is_named():
    with process({"THETAFLOW_GATEWAY_PORT": "many"}) as gateway:
        assert gateway.stderr is not None
        message = gateway.stderr.read()
        assert gateway.wait(15) == 2
    assert "THETAFLOW_GATEWAY_PORT: expected" in message
    assert "'many'" in message


chromium = browser["find_chromium"]()


@pytest.mark.skipif(chromium is None, reason="no chromium installed: the page is looked at where there is one")
def test_the_page_shows_the_day_in_a_real_browser(broker, day, tmp_path):
    hostile = '<img src=x onerror="document.body.dataset.broken=1"><script>alert(1)</script>'
    alert = ev.Alert(header=day[-1].header.child("test"), severity=ev.Severity.CRITICAL, code="drill", text=hostile)
    venue = ev.VenueState(
        header=day[-1].header.child("venue"),
        mode=ev.VenueMode.LIVE,
        venue="tradetron",
        armed=True,
        held=(
            ev.HeldValue(
                variable=1, value=1, since=day[-1].header.ts, contract="NIFTY 24500 PE",
                unconfirmed=0, unconfirmed_since=day[-1].header.ts, unconfirmed_state="unknown",
            ),
        ),
    )  # fmt: skip
    put(broker.url, [*day, alert, venue])
    with running(broker.url) as gateway, browser["Chromium"](chromium, tmp_path / "profile") as page:
        eventually(lambda: gateway.trades() > 1)
        trade = gateway.get("trades").json()["trades"][0]
        for width, dark in ((1440, False), (1440, True), (390, False)):
            page.open(f"{gateway.url}/?w={width}", width=width, height=900, dark=dark)
            page.until(f"location.search === '?w={width}' && document.querySelector('#streams td.line') !== null")
            assert page.ask("document.getElementById('mode').textContent") == "live tradetron"
            assert page.ask("document.getElementById('mode').dataset.live") == "true"
            held = page.ask("document.getElementById('held').textContent")
            assert "tradetron variable 1: +1 NIFTY 24500 PE since" in held
            assert "0 unknown since" in held
            assert trade["line"] in page.ask("document.getElementById('trades').textContent")
            made_of = page.ask("document.querySelector('#trades tr td:last-child').title")
            assert "time +₹40, volatility +₹5, spread and impact -₹30, charges -₹67" in made_of
            assert "time +₹" in page.ask("document.getElementById('costs').title")
            assert hostile in page.ask("document.getElementById('alerts').textContent")
            assert page.ask("document.body.dataset.broken") is None
            assert page.ask("document.querySelectorAll('#positions tr').length") == 2
            assert page.ask("document.querySelector('#chart svg') !== null")
            assert page.ask("document.documentElement.scrollWidth <= innerWidth")
            page.screenshot(tmp_path / f"page-{width}-{'dark' if dark else 'light'}.png")
        assert (tmp_path / "page-390-light.png").stat().st_size > 20_000
        gateway.stop.set()
        page.until("document.body.dataset.link === 'lost' && !document.getElementById('banner').hidden")
        assert not [error for error in page.errors if "ERR_CONNECTION" not in error and "ERR_INCOMPLETE" not in error]
