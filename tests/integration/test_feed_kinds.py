"""What plays a market and what shows a running one never feed the same book, and live takes no played one at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from services.ingest.bootstrap import run_ingest
from services.ingest.live.claim import claim_book
from services.ingest.sources.registry import kind_of, sources
from shared.errors import ConfigError
from shared.events import FeedKind
from shared.streaming.connect import connect
from shared.streaming.redis.broker import EmbeddedRedis
from trading_system.operations.live import run_live

ROOT = Path(__file__).parents[2]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "broker") as running:
        yield running


@pytest.mark.broker
def test_a_book_remembers_what_fed_it_and_refuses_the_other_in_words(broker):
    with connect(broker.url) as client:
        claim_book(client, "nifty", FeedKind.PLAYED)
        claim_book(client, "nifty", FeedKind.PLAYED)
        claim_book(client, "other", FeedKind.LIVE)
        with pytest.raises(ConfigError, match=r"expected a source of played prices for book nifty .* got one of live"):
            claim_book(client, "nifty", FeedKind.LIVE)


@pytest.mark.broker
@pytest.mark.parametrize(("source", "first"), [("synthetic", FeedKind.LIVE), ("nse", FeedKind.PLAYED)])
def test_ingest_ends_before_it_publishes_anything_into_a_book_of_the_other_kind(broker, monkeypatch, source, first):
    with connect(broker.url) as client:
        claim_book(client, "nifty", first)
    monkeypatch.setenv("THETAFLOW_BROKER_URL", broker.url)
    monkeypatch.setenv("THETAFLOW_INGEST_SOURCE", source)
    monkeypatch.setenv("THETAFLOW_INGEST_ACCEPT_NSE_TERMS", "true")
    monkeypatch.setenv("THETAFLOW_INGEST_NSE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=f"expected a source of {first.value} prices"):
        run_ingest(threading.Event())
    with connect(broker.url) as client, client.publisher("ingest") as publisher:
        assert publisher.last("nifty") is None


@pytest.mark.parametrize("source", ["", "synthetic", "replay"])
def test_live_refuses_to_play_a_market_before_it_starts_anything(monkeypatch, tmp_path, source):
    monkeypatch.setenv("THETAFLOW_INGEST_SOURCE", source)
    with pytest.raises(ConfigError, match=r"expected a running market for live .* `thetaflow demo`"):
        run_live("nifty", directory=tmp_path / "broker", logs=tmp_path / "logs")
    assert list(tmp_path.iterdir()) == []


def test_ingest_told_to_take_running_markets_alone_refuses_a_played_one(monkeypatch):
    monkeypatch.setenv("THETAFLOW_INGEST_LIVE_ONLY", "true")
    with pytest.raises(ConfigError, match="expected a running market for live"):
        run_ingest(threading.Event())


def test_compose_runs_live_as_a_project_of_its_own_that_takes_no_played_market():
    demo, live = (
        yaml.safe_load((ROOT / name).read_text()) for name in ("docker-compose.yml", "docker-compose.live.yml")
    )
    assert live["name"] != demo["name"]  # a project's name stands before each of its volumes
    assert all(volume is None for volume in demo["volumes"].values())
    told = live["services"]["ingest"]["environment"]
    assert told["THETAFLOW_INGEST_LIVE_ONLY"] == "true"
    assert told["THETAFLOW_INGEST_SOURCE"].startswith("${THETAFLOW_INGEST_SOURCE:?")


def test_a_source_of_one_s_own_is_live_when_it_is_polled(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "class Asked:\n    name = 'asked'\n    async def poll(self): ...\nclass Told:\n    def __iter__(self): ...\n"
    )
    assert kind_of(f"{file}:Asked") is FeedKind.LIVE
    assert kind_of(f"{file}:Told") is FeedKind.PLAYED
    assert {name for name in sources().names() if kind_of(name) is FeedKind.PLAYED} == {"replay", "synthetic"}
