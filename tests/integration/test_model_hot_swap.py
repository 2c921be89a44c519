"""Models are swapped over Redis while vectors pour in: every vector gets one signal, in order, none twice."""

from __future__ import annotations

import threading
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from services.predictor.bootstrap import predictor_service
from services.predictor.settings import PredictorSettings
from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.members.lstm import LstmSettings
from services.trainer.validation.forecasting import fit_ensemble, forecast_walk_forward
from shared.events import Event, FeatureVector, Header, MarketView, ModelPublished, Signal, SignalMode
from shared.events.topology import Topic
from shared.models.feature_schema import FeatureSchema
from shared.models.manifest import FORMAT, Manifest
from shared.models.registry import ModelRegistry
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.redis.embedded import EmbeddedRedis
from shared.streaming.redis.engine import RedisEngine
from shared.streaming.redis.history import read_stream
from shared.streaming.redis.publisher import RedisPublisher

PLAN = TrainingPlan(folds=2, trees=8, forest_depth=3, rounds=10, lstm=LstmSettings(hidden=4, length=4, epochs=2))
VECTORS = 900
SWAP_EVERY = 60

House = tuple[TrainingSamples, PredictorSettings, FeatureSchema, list[str]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Samples, settings, schema and three bundles, the first in charge."""
    samples, _ = generate_samples(SampleGenerator(seed=1, days=24, per_day=40, features=10, edge=1.5))
    forecasts = forecast_walk_forward(samples, PLAN, lambda *_: None)
    folder = tmp_path_factory.mktemp("models")
    registry = ModelRegistry(folder)
    versions = []
    for trees in (8, 9, 10):
        ensemble = fit_ensemble(samples, forecasts, replace(PLAN, trees=trees))
        manifest = Manifest(
            format=FORMAT,
            schema_id=samples.schema_id,
            features=samples.features,
            dataset=samples.content,
            code="test",
            seed=trees,
            trained_from=int(samples.ts[0]),
            trained_until=ensemble.trained_until,
            samples=len(samples),
            vectors_per_session=samples.vectors_per_session,
            metrics={},
        )
        versions.append(registry.save(ensemble, manifest, ts=1).version)
    registry.promote(versions[0], ["test"], ts=1, operator="test")
    schema = FeatureSchema(samples.schema_id, samples.features, ("",) * len(samples.features))
    return samples, PredictorSettings(models=folder), schema, versions


def story(house: House) -> list[Event]:
    """Vectors in order, and before every sixtieth one another model, to take effect ten vectors later."""
    samples, _, _, versions = house
    events: list[Event] = []
    for row in range(VECTORS):
        if row and row % SWAP_EVERY == 0:
            version = versions[row // SWAP_EVERY % len(versions)]
            ts = int(samples.ts[row])
            events.append(
                ModelPublished(
                    header=Header.root(book="nifty", ts=ts, seq=row, producer="trainer", suffix=f"model{row}"),
                    model_version=version,
                    schema_id=samples.schema_id,
                    verdict="test",
                    role="champion",
                    metrics={},
                    effective_ts=int(samples.ts[row + 10]),
                )
            )
        events.append(vector(samples, row))
    return events


def vector(samples: TrainingSamples, row: int) -> FeatureVector:
    return FeatureVector(
        header=Header.root(book="nifty", ts=int(samples.ts[row]), seq=row + 1, producer="features"),
        schema_id=samples.schema_id,
        values=tuple(None if np.isnan(value) else float(value) for value in samples.values[row]),
        market=MarketView(
            underlying="NIFTY",
            spot=24_000.0,
            forward=24_010.0,
            atm_iv=0.12,
            expiry=None,
            minutes_to_expiry=None,
            minutes_from_open=60.0,
            minutes_to_close=300.0,
            lot_size=75,
            quality=(),
            candidates=(),
        ),
    )


@pytest.mark.broker
def test_swaps_under_load_lose_double_and_reorder_nothing(house, tmp_path):
    _, settings, schema, versions = house
    expected: list[Event] = []
    memory = MemoryEngine([predictor_service(settings, schema)], observer=expected.append)
    memory.publish(story(house))
    with EmbeddedRedis(tmp_path / "broker") as broker:
        engine = RedisEngine(
            predictor_service(settings, schema), broker.url, partitions=1, replica="test", lease_ms=5000, block_ms=20
        )
        thread = threading.Thread(target=engine.run, daemon=True)
        thread.start()
        with RedisPublisher(broker.url, producer="test", partitions=1) as publisher:
            publisher.publish(story(house))
        wanted = VECTORS
        over_redis = []
        pause = threading.Event()
        for _ in range(600):
            over_redis = [event for event in read_stream(broker.url, Topic.SIGNALS, 1) if isinstance(event, Signal)]
            if len(over_redis) >= wanted:
                break
            pause.wait(0.1)
        engine.stop()
        thread.join(10.0)
    assert [signal.header.seq for signal in over_redis] == list(range(1, VECTORS + 1))
    assert all(signal.mode is SignalMode.ML for signal in over_redis)
    assert {signal.model_version for signal in over_redis} == set(versions)
    in_memory = [event for event in expected if isinstance(event, Signal)]
    assert len(in_memory) == VECTORS
    assert len({signal.header.id for signal in over_redis}) == VECTORS
    assert msgspec.json.encode(in_memory[0]) == msgspec.json.encode(over_redis[0])
