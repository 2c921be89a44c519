"""A real day through ingest and features: sane figures, no look-ahead, restarts that leave no trace, a whole export."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from services.features.families.registry import FEATURE_NAMES, FEATURES, SCHEMA_ID
from services.features.handler import FeaturesHandler
from services.ingest.sources.recorded.replay import open_replay
from services.ingest.sources.synthetic.source import synthetic_days
from shared.errors import BadInputError
from shared.events import ChainSnapshot, FeatureVector
from shared.market.chain import Parsed
from shared.streaming.protocol.codec import encode_json
from trading_system.analysis.feature_export import export_features, feature_vectors
from trading_system.analysis.lookahead import check_lookahead, lookahead_of_day
from trading_system.wiring import Installation

NO_SPOT_AND_NO_INDEX = {"forward_basis", "carry_yearly", "india_vix", "vix_minus_atm_iv"}


@pytest.fixture(scope="module")
def house() -> Installation:
    return Installation.load({})


@pytest.fixture(scope="module")
def day(market_data: Path) -> Path:
    return market_data / "nse-chain-1min-20250829" / "snapshots" / "20250829"


@pytest.fixture(scope="module")
def captures(day) -> tuple[Parsed, ...]:
    return tuple(open_replay(day))


@pytest.fixture(scope="module")
def snapshots(captures, house) -> list[ChainSnapshot]:
    ingest = house.ingest_handler("nifty")
    return [event for item in captures for event in ingest.accept(item) if isinstance(event, ChainSnapshot)]


@pytest.fixture(scope="module")
def vectors(captures, house) -> list[FeatureVector]:
    return list(feature_vectors(captures, house))


def new_handler(house: Installation) -> FeaturesHandler:
    return FeaturesHandler("nifty", house.features, house.calendar, house.contracts, house.clock, house.positions)


@pytest.mark.market_data
class TestRealDay:
    def test_every_snapshot_gets_a_vector_with_a_forward_in_the_days_range(self, vectors, snapshots):
        assert [vector.header.seq for vector in vectors] == [snapshot.header.seq for snapshot in snapshots]
        forwards = np.array([vector.market.forward for vector in vectors], dtype=float)
        assert len(vectors) == 292
        assert 24_430 < forwards.min() < forwards.max() < 24_610
        table = np.array([vector.values for vector in vectors], dtype=float)
        dispersion = table[:, FEATURE_NAMES.index("parity_dispersion")] * forwards
        assert np.median(dispersion) < 1.0

    def test_all_features_of_one_day_are_there_but_those_the_source_has_no_data_for(self, vectors):
        table = np.array([vector.values for vector in vectors], dtype=float)
        seen = dict(zip(FEATURE_NAMES, ~np.isnan(table).all(axis=0), strict=True))
        wanting = {feature.name for feature in FEATURES if not seen[feature.name]}
        over_sessions = {feature.name for feature in FEATURES if feature.warm_up_unit == "sessions"}
        no_report = {"pro_call_balance", "pro_put_balance", "pro_gamma_balance"}
        assert wanting - over_sessions - {"vix_replicated"} - no_report == NO_SPOT_AND_NO_INDEX
        assert wanting >= no_report

    def test_a_call_and_a_put_at_one_strike_agree_on_volatility(self, vectors):
        gaps = [dict(zip(FEATURE_NAMES, vector.values, strict=True))["iv_call_put_gap"] for vector in vectors]
        assert np.median(np.abs(np.array(gaps, dtype=float))) < 5e-4

    def test_a_restart_in_mid_day_leaves_no_trace(self, snapshots, vectors, house):
        truth = [encode_json(vector) for vector in vectors]
        for cut in (30, 150, 290):
            before, after = new_handler(house), new_handler(house)
            for snapshot in snapshots[:cut]:
                before.handle(snapshot)
            after.restore(before.checkpoint())
            answers = [encode_json(after.handle(snapshot)[0]) for snapshot in snapshots[cut:]]
            assert answers == truth[cut:]

    def test_nothing_looks_ahead(self, day, house):
        report = lookahead_of_day(day, cuts=2, installation=house)
        assert report.clean, [str(leak) for leak in report.leaks]
        assert report.vectors == 292
        assert report.compared > 500

    def test_the_export_holds_every_vector_and_feature(self, day, house, vectors, tmp_path):
        out = tmp_path / "day.parquet"
        export = export_features(day, out, installation=house)
        table = pq.read_table(out)
        assert export.rows == table.num_rows == len(vectors)
        assert table.schema.metadata[b"feature_schema"] == SCHEMA_ID.encode()
        assert table.column("atm_iv").to_pylist() == [
            vector.values[FEATURE_NAMES.index("atm_iv")] for vector in vectors
        ]
        assert not list(tmp_path.glob("*.part"))


@pytest.fixture(scope="module")
def made() -> list[Parsed]:
    chains: list[Parsed] = [*synthetic_days(3, 1, strikes=21)]
    return chains[:60]


class TestLookaheadCheck:
    def test_passes_the_path_that_trades(self, made, house):
        report = check_lookahead(made, lambda feed: feature_vectors(feed, house), cuts=3)
        assert report.clean
        assert len(report.cuts) == 3

    def test_catches_a_feature_that_knows_the_close(self, made, house):
        def cheating(feed: Iterable[Parsed]) -> list[FeatureVector]:
            honest = list(feature_vectors(feed, house))
            last = honest[-1].values[0]
            return [msgspec.structs.replace(one, values=(last, *one.values[1:])) for one in honest]

        report = check_lookahead(made, cheating, cuts=3)
        assert {leak.feature for leak in report.leaks} == {FEATURE_NAMES[0]}
        assert "changed when what came after" in str(report.leaks[0])

    def test_catches_a_path_that_drops_vectors_for_what_comes_later(self, made, house):
        def cheating(feed: Iterable[Parsed]) -> list[FeatureVector]:
            honest = list(feature_vectors(feed, house))
            return honest if len(honest) == len(made) else honest[1:]

        assert {leak.feature for leak in check_lookahead(made, cheating, cuts=2).leaks} == {"rows"}

    def test_refuses_a_day_without_a_past_and_a_future(self, made, house):
        with pytest.raises(BadInputError, match="two snapshots"):
            check_lookahead(made[:1], lambda feed: feature_vectors(feed, house))


def test_an_export_without_a_snapshot_leaves_no_file(tmp_path, house):
    source = tmp_path / "captures"
    source.mkdir()
    (source / "empty.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInputError, match="at least one snapshot"):
        export_features(source, tmp_path / "out.parquet", installation=house)
    assert [path.name for path in tmp_path.iterdir()] == ["captures"]
