"""A market with a known edge goes through the whole training: the planted edge is found, none is not, labels equal real trades."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from services.executor.handler import ExecutorHandler
from services.ingest.sources.synthetic.source import synthetic_days
from services.trainer.dataset.labels import (
    CensoredOutcome,
    PaperTerms,
    QuotePath,
    ShortOrder,
    ShortOutcome,
    short_outcome,
)
from services.trainer.members.fitting import TrainingPlan
from services.trainer.members.lstm import LstmSettings
from shared.clock import ist_date
from shared.events import (
    ChainSnapshot,
    Contract,
    EntryContext,
    Event,
    OptionKind,
    Order,
    OrderAction,
    Side,
    Signal,
    SignalMode,
    Trade,
    sold,
)
from shared.market.chain import ParsedChain
from shared.market.synthetic.path import Edge
from shared.models.registry import ModelRegistry
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.golden import golden_hash
from shared.trading.quotes import quote_of
from trading_system.offline.known_edge import KnownEdgeMarket
from trading_system.offline.labelling import LabelCounts, LabelRules, collect_days
from trading_system.offline.training import TrainingRequest, train
from trading_system.offline.training_report import as_json, as_words, write_report
from trading_system.operations.models import list_models, rollback_model, show_model
from trading_system.simulation.replay import SimulationRequest, simulate_items
from trading_system.wiring import Installation

QUICK = TrainingPlan(folds=3, trees=30, forest_depth=4, rounds=60, lstm=LstmSettings(hidden=8, length=6, epochs=4))
KEYS = {"auc", "auc_optimal", "accuracy", "brier", "promoted", "reasons", "baselines", "configurations_tried"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training on a short market with a known edge with an edge, and the folder of its models."""
    models = tmp_path_factory.mktemp("models")
    request = TrainingRequest(synthetic="edge", days=28, seed=5, models=models, plan=QUICK, every=5)
    return train(request), request, models


def test_the_planted_edge_shows_in_the_lean_and_the_report_says_what_is_asked(trained):
    report, _, _ = trained
    plain: dict[str, Any] = as_json(report)
    assert set(plain) >= KEYS
    assert json.loads(json.dumps(plain)) == plain
    assert plain["auc_optimal_long_run"] == pytest.approx(Edge(correlation=0.2).bayes_auc())
    assert plain["auc_optimal"] == pytest.approx(plain["auc_optimal_long_run"], abs=0.05)
    assert plain["auc"] - 0.5 > 0.5 * (plain["auc_optimal"] - 0.5)
    assert set(plain["baselines"]) == {"no_trade", "always_short", "random_side", "traditional"}
    assert plain["configurations_tried"] == 1
    assert any(reason.startswith(("met", "NOT met")) for reason in plain["reasons"])


def test_the_report_is_words_and_a_page_that_needs_no_network(trained, tmp_path):
    report, _, _ = trained
    words = as_words(report)
    assert "istinguishable" in words
    write_report(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Calibration" in page
    assert "<script src=" not in page
    write_report(report, tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == words


def test_the_same_training_again_gives_the_same_bundle_and_no_new_configuration(trained):
    report, request, _ = trained
    again = train(request)
    assert again.version == report.version
    assert as_json(again) == as_json(report)


def test_without_an_edge_nothing_is_promoted(tmp_path):
    request = TrainingRequest(synthetic="none", days=22, seed=3, models=tmp_path, plan=QUICK, every=6)
    report = train(request)
    assert not report.promoted
    assert report.auc == pytest.approx(0.5, abs=0.08)
    assert ModelRegistry(tmp_path).champion() is None
    assert list_models(tmp_path)[0]["verdict"] == "refused"


def test_a_fixed_bundle_gives_one_golden_hash_and_a_rollback_takes_one_call(trained):
    report, _, models = trained
    registry = ModelRegistry(models)
    registry.promote(report.version, ["test"], ts=1, operator="test")
    assert show_model(models, report.version[:10])["version"] == report.version
    ran = [run_day(models, report.version) for _ in range(2)]
    assert ran[0][0] == ran[1][0]
    signals = [event for event in ran[0][1] if isinstance(event, Signal)]
    assert {signal.model_version for signal in signals if signal.mode is SignalMode.ML} == {report.version}
    assert sum(signal.mode is SignalMode.ML for signal in signals) > len(signals) / 2
    training = report.training
    other = registry.save(training.ensemble, msgspec.structs.replace(training.manifest, seed=99), ts=2).version
    registry.promote(other, ["test"], ts=3, operator="test")
    assert rollback_model(models, reason="test", operator="test", ts=4) == report.version


@pytest.mark.broker
def test_a_fixed_bundle_decides_alike_in_memory_and_over_redis(trained):
    report, _, models = trained
    named = {"THETAFLOW_PREDICTOR_MODELS": str(models), "THETAFLOW_PREDICTOR_MODEL": report.version}
    house = Installation.load(named)
    day = Minutes(list(synthetic_days(98, 1, expiries=1, strikes=31, start=date(2025, 9, 1)))[:120])
    environ = {**{name: value for name, value in os.environ.items() if not name.startswith("THETAFLOW_")}, **named}
    memory = simulate_items(day, SimulationRequest(source="made", engine="memory"), installation=house)
    redis = simulate_items(day, SimulationRequest(source="made", engine="redis", environ=environ), installation=house)
    assert memory.as_json()["golden_hash"] == redis.as_json()["golden_hash"]
    assert memory.as_json()["signals"] == redis.as_json()["signals"] > 0


@dataclass
class Minutes:
    """Chains to replay."""

    chains: list[ParsedChain]

    @property
    def len_hint(self) -> int:
        return len(self.chains)

    def __iter__(self) -> Iterator[ParsedChain]:
        return iter(self.chains)


def run_day(models: Path, version: str) -> tuple[str, list[Event]]:
    house = Installation.load({})
    house = replace(house, predictor=house.predictor.model_copy(update={"models": models, "model": version}))
    seen: list[Event] = []
    engine = MemoryEngine(house.services(), observer=seen.append)
    ingest = house.ingest_handler("nifty")
    for chain in synthetic_days(99, 1, expiries=1, strikes=31, start=date(2025, 9, 1)):
        engine.publish(ingest.accept(chain))
    engine.publish(ingest.end_of_day())
    assert engine.counters["dead"] == 0
    return golden_hash(seen), seen


def test_labels_follow_the_path_of_features_and_count_what_has_none():
    house, counts = Installation.load({}), LabelCounts()
    (day,) = collect_days(synthetic_days(1, 1, expiries=1, strikes=31), house, LabelRules(every=3), counts)
    assert len(day) == counts.vectors > 300
    assert day.labelled.size == counts.labelled > 50
    assert np.all(day.known[day.labelled] > day.ts[day.labelled])
    assert np.all(day.known <= day.ts[-1])


def test_pressure_of_the_book_points_where_the_planted_score_does():
    house, made = Installation.load({}), KnownEdgeMarket("edge", seed=3, days=2)
    days = list(collect_days(made.chains(house.calendar, house.contracts), house, LabelRules(every=50), LabelCounts()))
    values, ts = (np.concatenate([getattr(day, name) for day in days]) for name in ("values", "ts"))
    scores = made.scores(ts, house.calendar, house.contracts)
    for name in ("book_pressure", "book_pressure_5m", "book_pressure_15m"):
        pressure = values[:, days[0].features.index(name)]
        known = np.isfinite(pressure) & np.isfinite(scores)
        assert known.sum() > 600
        assert np.corrcoef(pressure[known], scores[known])[0, 1] > 0.8, name


def test_what_a_label_says_is_what_the_executor_earns(tmp_path):
    """Orders given to the real executor end as their labels say, price, costs and reason."""
    house = Installation.load({})
    ingest = house.ingest_handler("nifty")
    snapshots: list[ChainSnapshot] = []
    for chain in synthetic_days(4, 1, expiries=1, strikes=31, start=date(2025, 9, 1)):
        snapshots += [event for event in ingest.accept(chain) if isinstance(event, ChainSnapshot)]
    checked = 0
    for row, order, expected in orders_with_labels(house, snapshots):
        executor = ExecutorHandler(
            "nifty",
            house.executor.model_copy(update={"directory": tmp_path}),
            house.calendar,
            house.costs,
            house.contracts,
            house.clock,
        )
        trade = None
        for snapshot in snapshots[row:]:
            trade = trade or next((out for out in executor.handle(snapshot) if isinstance(out, Trade)), None)
            if snapshot is snapshots[row]:
                executor.handle(order)
        assert (trade is None) == (not isinstance(expected, ShortOutcome))
        if trade is None or not isinstance(expected, ShortOutcome):
            continue
        checked += 1
        assert trade.entry_price == pytest.approx(expected.entry)
        assert trade.exit_price == pytest.approx(expected.exit)
        assert trade.exit_reason is expected.reason
        units = order.lots * order.lot_size
        assert trade.net_pnl_paise == pytest.approx(100.0 * expected.net * units, abs=1e-6)
        assert trade.header.ts == expected.exit_ts
    assert checked >= 20


def orders_with_labels(
    house: Installation, snapshots: Sequence[ChainSnapshot]
) -> Iterator[tuple[int, Order, ShortOutcome | CensoredOutcome | None]]:
    chain = snapshots[0].expiries[0]
    ts = tuple(snapshot.header.ts for snapshot in snapshots)
    rng = np.random.default_rng(1)
    session = house.calendar.session(ist_date(ts[0]))
    assert session is not None
    for _ in range(30):
        row, strike = int(rng.integers(5, 300)), int(rng.integers(10, 21))
        is_call = bool(rng.integers(0, 2))
        kind = OptionKind.CALL if is_call else OptionKind.PUT
        sold = Contract(underlying="NIFTY", expiry=chain.expiry, strike=chain.strikes[strike], kind=kind)
        path = QuotePath(sold, ts, tuple(quote_of(snapshot, sold) for snapshot in snapshots))
        bid = path.quotes[row].bid or 0.0
        short = ShortOrder(
            contract=sold,
            limit_price=round(bid * 0.9, 1),
            stop_price=round(bid * 1.2, 1),
            target_price=round(bid * 0.85, 1),
            trail_points=round(bid * 0.1, 1),
            valid_until_ns=int(ts[row]) + 150_000_000_000,
            time_exit_ns=int(ts[row]) + 45 * 60_000_000_000,
            square_off_ns=session.close_ns - 600_000_000_000,
            lots=1,
            lot_size=75,
        )
        label = short_outcome(path, row, short, PaperTerms(house.executor, house.contracts, house.costs))
        yield row, order_of(snapshots[row], short, is_call=is_call), label


def order_of(snapshot: ChainSnapshot, short: ShortOrder, *, is_call: bool) -> Order:
    return Order(
        header=snapshot.header.child("risk"),
        action=OrderAction.ENTER,
        side=Side.SELL,
        strategy="test",
        legs=sold(short.contract),
        lots=short.lots,
        lot_size=short.lot_size,
        limit_price=short.limit_price,
        stop_price=short.stop_price,
        target_price=short.target_price,
        trail_points=short.trail_points,
        time_exit_ns=short.time_exit_ns,
        valid_until_ns=short.valid_until_ns,
        reason="test",
        entry=EntryContext(
            signal_id=snapshot.header.id,
            direction=-1 if is_call else 1,
            confidence=0.6,
            regime="calm",
            mode=SignalMode.TRADITIONAL,
            model_version="traditional",
            schema_id="",
            features=(),
            top_features=(),
        ),
    )
