"""Forty trades close, and a verdict on a new model stands in the registry, though every process is killed on the way."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import date
from time import monotonic
from typing import TypeVar

import pytest

from services.ingest.sources.synthetic.source import synthetic_days
from services.trainer.dataset.sample_file import read_sample_file
from shared.clock import NS_PER_MINUTE
from shared.events import (
    Alert,
    ExitReason,
    Header,
    ModelPublished,
    OfflineFinished,
    OfflineKind,
    OfflineRequested,
    Side,
    Trade,
    TradeLeg,
)
from shared.events.topology import Topic
from shared.models.registry import ModelRegistry
from shared.models.registry_state import Act
from shared.store.writer import StoreWriter
from shared.streaming.redis.broker import EmbeddedRedis
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.publisher import RedisPublisher
from tests.builders import SHORT_HOLDING, at, contract, entry_context, environ_of
from trading_system.operations.processes import OFFLINE, Fleet

pytestmark = pytest.mark.broker

DAYS, EVERY_MINUTES = 16, 5
T = TypeVar("T")
PLAN = {
    "folds": 4,
    "min_train": 0.5,
    "trees": 8,
    "forest_depth": 3,
    "rounds": 10,
    "lstm": {"hidden": 4, "length": 4, "epochs": 2},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a few sessions of one chain every five minutes."""
    root = tmp_path_factory.mktemp("store")
    writer = StoreWriter(root)
    chains = synthetic_days(3, DAYS, expiries=1, strikes=21, start=date(2025, 8, 1))
    for number, chain in enumerate(chains):
        if number % EVERY_MINUTES == 0:
            writer.put_chain(chain)
    writer.close()
    return root


def trade(number: int) -> Trade:
    ts = at(10, 0) + number * NS_PER_MINUTE
    return Trade(
        header=Header.root(book="nifty", ts=ts, seq=number, producer="executor", suffix="trade"),
        entry_order_id=f"order-{number}",
        strategy="test",
        legs=(TradeLeg(contract=contract(), side=Side.SELL, entry_price=100.0, exit_price=90.0),),
        lots=1,
        lot_size=75,
        entry_ts=ts - NS_PER_MINUTE,
        entry_price=100.0,
        exit_price=90.0,
        stop_price=120.0,
        target_price=80.0,
        gross_pnl_paise=75_000,
        costs_paise=5_000,
        net_pnl_paise=70_000,
        mfe=10.0,
        mae=1.0,
        holding_ns=NS_PER_MINUTE,
        exit_reason=ExitReason.TARGET,
        entry=entry_context(),
    )


def wait_for(what: str, look: Callable[[], T], fleet: Fleet, timeout_s: float = 120.0) -> T:
    """Look until there is something, and give it."""
    never, deadline = threading.Event(), monotonic() + timeout_s
    while not (found := look()):
        fleet.check_alive()
        assert monotonic() < deadline, f"expected {what} within {timeout_s:.0f} s"
        never.wait(0.05)
    return found


def test_forty_trades_lead_to_a_verdict_though_both_processes_are_killed(store, tmp_path):
    models, plan = tmp_path / "models", tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))} | {
        "THETAFLOW_TRAINER_MODELS": str(models),
        "THETAFLOW_TRAINER_PLAN": str(plan),
        "THETAFLOW_OFFLINE_MODELS": str(models),
        "THETAFLOW_OFFLINE_STORE": str(store),
        "THETAFLOW_OFFLINE_POLL_S": "0.2",
        "THETAFLOW_OFFLINE_TRAIN_IN_SESSION": "true",  # whatever the time of day this test runs at
        **environ_of(**SHORT_HOLDING),  # so that few days hold outcomes of both kinds
    }
    registry = ModelRegistry(models)
    with (
        EmbeddedRedis(tmp_path) as broker,
        Fleet(broker.url, services=("trainer", OFFLINE), environ=environ, logs=tmp_path / "logs") as fleet,
        RedisPublisher(broker.url, "test") as publisher,
    ):

        def seen(topic: Topic, kind: type[T]) -> list[T]:
            return [event for event in read_stream(broker.url, topic) if isinstance(event, kind)]

        def requests() -> list[OfflineRequested]:
            # The offline process asks itself for the day's history and review, too, at some hours.
            return [one for one in seen(Topic.OFFLINE, OfflineRequested) if one.kind is OfflineKind.TRAINING_SET]

        def answers() -> list[OfflineFinished]:
            asked = {one.header.id for one in requests()}
            return [one for one in seen(Topic.OFFLINE, OfflineFinished) if one.request_id in asked]

        fleet.wait_until_ready()
        publisher.publish([trade(number) for number in range(1, 41)])
        (request,) = wait_for("a request", requests, fleet)

        fleet.kill(OFFLINE)
        assert answers() == []
        fleet.start(OFFLINE)
        (finished,) = wait_for("an answer", answers, fleet)
        artefact = finished.artefact
        assert artefact is not None
        assert (finished.request_id, finished.problem) == (request.header.id, "")
        assert read_sample_file(models / artefact.path).samples.content == artefact.content
        assert artefact.counts["labelled"] > 100

        wait_for("a training under way", (models / "configurations.json").exists, fleet)
        fleet.kill("trainer")
        assert registry.history() == []
        fleet.start("trainer")
        wait_for("a verdict", lambda: [one for one in registry.history() if one.act is not Act.SAVED], fleet)
        (version,) = {entry.version for entry in registry.history()}
        wait_for("the answer done with", (models / "answered.json").exists, fleet)
        trainers = [alert.code for alert in seen(Topic.ALERTS, Alert) if alert.code in {"performance", "retrain_due"}]
        assert trainers == ["performance", "retrain_due"]
        assert requests() == [request]

        # A verdict on so few days promotes nothing; an operator may, and the predictors are told the bundle's own figures.
        registry.promote(version, ["test"], ts=1, operator="test")
        (news,) = wait_for("the news", lambda: seen(Topic.MODELS, ModelPublished), fleet)
        manifest = registry.manifest(version)
        assert (news.model_version, news.role, news.verdict) == (version, "champion", "promoted")
        assert (news.schema_id, news.metrics) == (manifest.schema_id, manifest.metrics)
        assert manifest.samples <= artefact.counts["labelled"]
