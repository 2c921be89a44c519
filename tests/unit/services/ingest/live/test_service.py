"""The live process refuses bad settings at once, counts what happens, and is ready only while the market is fresh."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from random import Random
from typing import Any

import pytest

from services.ingest.handler import IngestHandler
from services.ingest.live.service import LiveWatcher
from services.ingest.settings import IngestSettings
from services.ingest.sources.kite.source import KiteSource
from services.ingest.sources.nse.source import NseSource
from services.ingest.sources.port import ChainSource, RecordedSource, SourceContext
from services.ingest.sources.registry import sources
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import NS_PER_MINUTE, ManualClock, ist_ns
from shared.errors import ConfigError
from shared.events import Alert, ChainSnapshot, ClockTick, QualityFlag
from shared.market.calendar import TradingCalendar
from shared.market.chain import DataVerdict
from shared.market.contracts import ContractTable
from shared.observability.health import Freshness, Heartbeat
from shared.observability.metrics import ServiceMetrics
from tests.builders import snapshot, tick


def source_of(
    calendar: TradingCalendar, contracts: ContractTable, metrics: ServiceMetrics | None = None, **settings: Any
) -> ChainSource | RecordedSource:
    chosen = IngestSettings(**settings)
    breaker = (metrics or ServiceMetrics()).breaker.labels(chosen.source)
    context = SourceContext(chosen, ManualClock(0), calendar, contracts, Random(1), asyncio.sleep, breaker.set)
    return sources().get(chosen.source)(context)


def test_the_settings_choose_the_source(calendar, contracts, tmp_path):
    assert isinstance(source_of(calendar, contracts, source="kite", kite_folder=tmp_path), KiteSource)
    assert isinstance(source_of(calendar, contracts, source="nse", accept_nse_terms=True), NseSource)
    with pytest.raises(ConfigError, match="NSE's terms of use"):
        source_of(calendar, contracts, source="nse")
    with pytest.raises(ConfigError, match="a file, a folder or a date"):
        source_of(calendar, contracts, source="replay")
    with pytest.raises(
        ConfigError, match=r"one of kite, nse, openalgo, replay, synthetic, zerodha, or path/to/file\.py:Name"
    ):
        source_of(calendar, contracts, source="bse")


def test_the_breaker_is_a_metric_from_the_start(calendar, contracts):
    metrics = ServiceMetrics()
    source = source_of(calendar, contracts, metrics, source="nse", accept_nse_terms=True)
    assert isinstance(source, NseSource)
    assert 'thetaflow_breaker_open{name="nse"} 0.0' in metrics.render()[0].decode()
    source.breaker.trip(0)
    assert 'thetaflow_breaker_open{name="nse"} 1.0' in metrics.render()[0].decode()


def test_only_a_real_snapshot_makes_it_ready_and_polls_are_counted_by_outcome():
    clock = ManualClock(ist_ns(2025, 8, 29, 10, 0))
    metrics = ServiceMetrics()
    freshness = Freshness(180.0, clock.now_ns, lambda: True)
    watcher = LiveWatcher(metrics, Heartbeat(30.0), freshness, clock)
    fresh = snapshot(1, clock.now_ns(), puts={24500.0: (100.0, 101.0)})
    standing_in = ChainSnapshot(
        **{name: getattr(fresh, name) for name in fresh.__struct_fields__ if name != "quality"},
        quality=(QualityFlag.STALE, QualityFlag.FALLBACK),
    )
    watcher.published(tick(1, clock.now_ns()))
    watcher.published(standing_in)
    assert not freshness().ok
    watcher.published(fresh)
    assert freshness().ok
    clock.advance(4 * NS_PER_MINUTE)
    assert not freshness().ok
    watcher.polled("chain")
    watcher.polled("feed_down")
    text = metrics.render()[0].decode()
    assert 'thetaflow_ingest_polls_total{outcome="chain"} 1.0' in text
    assert 'thetaflow_rejected_total{reason="feed_down"} 1.0' in text


def test_the_process_ends_with_one_line_when_the_terms_are_not_accepted():
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("THETAFLOW_", "REDIS_"))}
    done = subprocess.run(
        [sys.executable, "-m", "services.ingest"],
        env={**environ, "THETAFLOW_INGEST_SOURCE": "nse"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if line.startswith("configuration error")]
    assert len(said) == 1
    assert "clause 4" in said[0]
    assert "Traceback" not in done.stderr


def silent(make_handler, tape, minutes, **settings: object):
    handler = make_handler(**settings)
    first = tape[0]
    handler.accept(first)
    return [
        event for n in range(1, minutes) for event in handler.advance(first.stamp_ns + n * NS_PER_MINUTE, stand_in=True)
    ]


@pytest.fixture(scope="module")
def chains(calendar, contracts):
    return list(synthetic_days(3, 1, calendar=calendar, contracts=contracts))[:3]


def test_a_silent_feed_is_stood_in_for_after_its_age_and_within_the_limit(make_handler, chains):
    events = silent(make_handler, chains, 40)
    stand_ins = [event for event in events if isinstance(event, ChainSnapshot)]
    ages = [(event.header.ts - chains[0].stamp_ns) // NS_PER_MINUTE for event in stand_ins]
    assert ages == list(range(3, 16))
    assert all(event.quality == (QualityFlag.STALE, QualityFlag.FALLBACK) for event in stand_ins)
    assert [event.header.seq for event in events] == list(
        range(events[0].header.seq, events[0].header.seq + len(events))
    )
    assert len([event for event in events if isinstance(event, ClockTick)]) > len(stand_ins)


def test_a_limit_of_zero_means_no_standing_in(make_handler, chains):
    events = silent(make_handler, chains, 40, fallback_limit_s=0)
    assert not [event for event in events if isinstance(event, ChainSnapshot)]


def test_a_handler_that_resumes_goes_on_behind_what_is_out(make_handler, chains):
    first: IngestHandler = make_handler()
    out = [event for chain in chains[:2] for event in first.accept(chain)]
    second: IngestHandler = make_handler()
    second.resume(out[-1].header.seq, out[-1].header.ts)
    assert [type(event) for event in second.accept(chains[1])] == [Alert]
    assert second.refusals == {DataVerdict.REPEATED_STAMP: 1}
    following = [(event.header.id, event.header.seq) for event in second.accept(chains[2])]
    assert following[-2:] == [(event.header.id, event.header.seq) for event in first.accept(chains[2])][-2:]
    second.resume(1, chains[0].stamp_ns)
    assert second.snapshots_and_ticks == first.snapshots_and_ticks
