"""Models take and leave their seats between two events, stand back for a named reason, and never lose a vector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from services.predictor.bootstrap import predictor_service
from services.predictor.handler import PredictorHandler
from services.predictor.settings import PredictorSettings
from services.predictor.strategies.bundles import ModelSource, RegistryBundles
from services.predictor.strategies.ensemble import EnsembleStrategy
from services.predictor.strategies.model_selector import Fallback, ModelSelector
from services.predictor.strategies.port import StrategyContext
from services.trainer.dataset.sample_generator import SampleGenerator, generate_samples
from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.members.lstm import LstmSettings
from services.trainer.validation.forecasting import fit_ensemble, forecast_walk_forward
from shared.clock import NS_PER_DAY
from shared.errors import BundleError
from shared.events import Alert, Event, FeatureVector, Header, MarketView, ModelPublished, Signal, SignalMode
from shared.models.feature_schema import FeatureSchema
from shared.models.manifest import FORMAT, Manifest
from shared.models.member_kinds import MemberKinds
from shared.models.registry import ModelRegistry
from shared.streaming.protocol.handler import Handler

PLAN = TrainingPlan(folds=2, trees=10, forest_depth=4, rounds=20, lstm=LstmSettings(hidden=4, length=4, epochs=2))

House = tuple[TrainingSamples, FeatureSchema, ModelRegistry, list[str]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Samples, their schema, and a registry of two bundles."""
    samples, _ = generate_samples(SampleGenerator(seed=1, days=24, per_day=40, features=10, edge=1.5))
    forecasts = forecast_walk_forward(samples, PLAN, lambda *_: None)
    registry = ModelRegistry(tmp_path_factory.mktemp("models"))
    versions = []
    for trees in (10, 11):
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
    return samples, schema, registry, versions


def vector(
    samples: TrainingSamples, row: int, *, values: np.ndarray | None = None, ts: int | None = None
) -> FeatureVector:
    stamp = int(samples.ts[row]) if ts is None else ts
    raw = samples.values[row] if values is None else values
    return FeatureVector(
        header=Header.root(book="nifty", ts=stamp, seq=row + 1, producer="features"),
        schema_id=samples.schema_id,
        values=tuple(None if np.isnan(value) else float(value) for value in raw),
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


def published(version: str, ts: int, *, role: str = "champion", effective_ts: int = 0) -> ModelPublished:
    return ModelPublished(
        header=Header.root(book="nifty", ts=ts, seq=0, producer="trainer", suffix=version[:6]),
        model_version=version,
        schema_id="",
        verdict="",
        role=role,
        metrics={},
        effective_ts=effective_ts,
    )


def handler_of(house: House, **settings: Any) -> Handler:
    _, schema, registry, _ = house
    chosen = PredictorSettings(models=registry._root, **settings)
    return predictor_service(chosen, schema).make("nifty")


def signals(handler: Handler, events: Iterable[Event]) -> list[Signal]:
    return [out for event in events for out in handler.handle(event) if isinstance(out, Signal)]


def test_the_champion_decides_with_probabilities_and_parts(house):
    samples, _, _, versions = house
    out = signals(handler_of(house, model_threshold=0.5), (vector(samples, row) for row in range(120)))
    assert {signal.model_version for signal in out} == {versions[0]}
    assert all(signal.mode is SignalMode.ML and signal.fallback_reason is None for signal in out)
    assert {signal.direction for signal in out} == {1, 0, -1}
    for signal in out:
        assert signal.confidence in {signal.p_put_pays, signal.p_call_pays}
        assert len(signal.top_features) == 5
        assert any(part.contribution != 0.0 for part in signal.top_features)
        if signal.direction == 1:
            assert signal.p_put_pays is not None
            assert signal.threshold is not None
            assert signal.p_put_pays >= signal.threshold
        assert bool(signal.entry_features) == bool(signal.direction)


def test_a_published_model_decides_from_its_effective_time_on_and_no_vector_is_lost(house):
    samples, _, _, versions = house
    handler = handler_of(house)
    effective = int(samples.ts[50])
    events: list[Event] = [vector(samples, row) for row in range(30)]
    events += [published(versions[1], int(samples.ts[30]), effective_ts=effective)]
    events += [vector(samples, row) for row in range(30, 80)]
    out = signals(handler, events)
    assert [signal.header.seq for signal in out] == list(range(1, 81))
    assert [signal.model_version for signal in out] == [versions[0]] * 50 + [versions[1]] * 30


def test_a_challenger_only_shadows_and_keeps_its_memory_when_promoted(house):
    samples, _, _, versions = house
    handler = handler_of(house)
    events: list[Event] = [published(versions[1], int(samples.ts[0]), role="challenger")]
    events += [vector(samples, row) for row in range(60)]
    assert {signal.model_version for signal in signals(handler, events)} == {versions[0]}
    later = [vector(samples, row) for row in range(60, 90)]
    alerts = [out for event in later for out in handler.handle(event) if not isinstance(out, Signal)]
    assert any(isinstance(alert, Alert) and "shadowed" in alert.text for alert in alerts)
    promoted = signals(handler, [published(versions[1], int(samples.ts[90])), vector(samples, 90)])
    whole = handler_of(house, model=versions[1])
    expected = signals(whole, (vector(samples, row) for row in range(91)))[-1]
    assert promoted[0].p_put_pays == expected.p_put_pays


def test_a_pinned_model_stays_whatever_is_published(house):
    samples, _, _, versions = house
    handler = handler_of(house, model=versions[1])
    out = signals(handler, [vector(samples, 0), published(versions[0], int(samples.ts[1])), vector(samples, 1)])
    assert {signal.model_version for signal in out} == {versions[1]}
    with pytest.raises(BundleError, match="one bundle that begins"):
        handler_of(house, model="0123456789abcdef")


def test_each_fallback_is_marked_and_the_traditional_signal_stands_in(house, tmp_path):
    samples, schema, registry, _ = house
    nobody = predictor_service(PredictorSettings(models=tmp_path), schema).make("nifty")
    rules = predictor_service(PredictorSettings(models=registry._root, model="none"), schema).make("nifty")
    late = int(samples.ts[-1] + 90 * NS_PER_DAY)
    foreign = vector(samples, 0, values=samples.values[0] + 60.0)
    cases = [
        ("no_model", nobody, vector(samples, 0)),
        ("no_model", rules, vector(samples, 0)),
        ("stale_model", handler_of(house), vector(samples, 0, ts=late)),
        ("out_of_distribution", handler_of(house), foreign),
    ]
    for reason, handler, event in cases:
        (signal,) = signals(handler, [event])
        assert (signal.fallback_reason, signal.mode) == (reason, SignalMode.TRADITIONAL)
        assert (signal.p_put_pays, signal.model_version) == (None, "traditional")


def test_an_inference_error_falls_back_and_the_next_vector_is_decided_again(house):
    samples, schema, registry, versions = house
    bundles = RegistryBundles(registry._root, samples.schema_id, MemberKinds())
    settings = PredictorSettings(models=registry._root)
    context = StrategyContext("nifty", settings, schema, ModelSource(settings.models, schema.id, settings.model))
    handler = PredictorHandler(context, EnsembleStrategy(context, ModelSelector(settings, bundles, versions[0])))
    narrow = msgspec.structs.replace(vector(samples, 0), values=(0.1,) * len(schema.names))
    short = msgspec.structs.replace(vector(samples, 1), values=(0.1,) * (len(schema.names) - 1))
    desk = ModelSelector(settings, bundles, versions[0])
    decided = desk.decide(short)
    assert isinstance(decided, Fallback)
    assert decided.fallback == "inference_error"
    assert signals(handler, [narrow, vector(samples, 2)])[1].mode is SignalMode.ML


def test_a_corrupt_bundle_is_refused_with_an_alert_and_the_last_good_one_stays(house):
    samples, _, _, versions = house
    handler = handler_of(house)
    outs = [
        out
        for event in (vector(samples, 0), published("f" * 32, int(samples.ts[1])), vector(samples, 1))
        for out in handler.handle(event)
    ]
    assert [out.model_version for out in outs if isinstance(out, Signal)] == [versions[0]] * 2
    assert all(isinstance(out, (Signal, Alert)) for out in outs)
    assert [out.code for out in outs if isinstance(out, Alert)] == ["model_decides", "model_refused"]


def test_restore_in_mid_session_changes_nothing(house):
    samples, _, _, versions = house
    events: list[Event] = [vector(samples, row) for row in range(40)]
    events += [published(versions[1], int(samples.ts[40]), role="challenger", effective_ts=int(samples.ts[60]))]
    events += [vector(samples, row) for row in range(40, 90)]
    whole = signals(handler_of(house), events)
    for cut in (1, 39, 41, 70):
        first, second = handler_of(house), handler_of(house)
        out = signals(first, events[:cut])
        second.restore(first.checkpoint())
        assert out + signals(second, events[cut:]) == whole


def test_a_checkpoint_that_names_no_strategy_is_the_ensembles_of_v0_1_0(house):
    samples, *_ = house
    first, second = handler_of(house), handler_of(house)
    signals(first, (vector(samples, row) for row in range(40)))
    named = msgspec.msgpack.decode(msgspec.msgpack.decode(first.checkpoint())["content"]["state"])["content"]
    second.restore(msgspec.msgpack.encode({"desk": named.pop("selector"), **named}))
    rest = [vector(samples, row) for row in range(40, 60)]
    assert signals(second, rest) == signals(first, rest)
