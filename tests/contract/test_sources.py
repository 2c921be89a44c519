"""What every source must keep: a recording repeats itself in order of time, a polled one refuses in words and closes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from pydantic import SecretStr

from services.ingest.settings import IngestSettings
from services.ingest.sources.port import ChainSource, Polled, RecordedSource, SourceContext
from services.ingest.sources.registry import kind_of, sources
from shared.clock import ManualClock, ist_ns
from shared.events import FeedKind
from shared.market.calendar import TradingCalendar
from shared.market.chain import BadCapture, ParsedChain
from shared.market.contracts import ContractTable

NOW = ist_ns(2026, 6, 1, 10, 0)
UNREACHABLE = "http://127.0.0.1:9"


async def _at_once(_seconds: float) -> None:
    """Wait for nothing."""


def context_of(settings: IngestSettings) -> SourceContext:
    """Give what a source is made with."""
    return SourceContext(settings, ManualClock(NOW), TradingCalendar.load(), ContractTable.load(), Random(1), _at_once)


@pytest.fixture(params=sources().names())
def source(request: pytest.FixtureRequest, tmp_path: Path) -> ChainSource | RecordedSource:
    """Make each source; the recording is of one file that is no chain, the polled ones find nobody."""
    (tmp_path / "junk.csv").write_text("nothing,of,interest\n1,2,3\n")
    settings = IngestSettings(
        source=request.param,
        accept_nse_terms=True,
        nse_url=UNREACHABLE,
        kite_folder=tmp_path,
        openalgo_url=UNREACHABLE,
        openalgo_api_key=SecretStr("key"),
        zerodha_url=UNREACHABLE,
        zerodha_api_key=SecretStr("app"),
        zerodha_token_path=tmp_path / "junk.csv",
        replay_path=str(tmp_path / "junk.csv"),
    )
    return sources().get(request.param)(context_of(settings))


def test_each_is_of_one_sort_and_the_registry_knows_which_without_making_it(source, request):
    assert isinstance(source, ChainSource) != isinstance(source, RecordedSource)
    kind = kind_of(request.node.callspec.params["source"])
    assert (kind is FeedKind.LIVE) == isinstance(source, ChainSource)


def test_a_recording_gives_the_same_each_time_and_in_order_of_time(source):
    if not isinstance(source, RecordedSource):
        assert source.name
        return
    items = list(source)
    assert items
    assert items == list(source)
    stamps = [item.stamp_ns for item in items if isinstance(item, ParsedChain)]
    assert stamps == sorted(set(stamps))
    assert all(item.text and item.where for item in items if isinstance(item, BadCapture))


def test_a_polled_source_raises_nothing_refuses_in_words_and_closes_twice(source):
    if not isinstance(source, ChainSource):
        assert iter(source)
        return

    async def polled() -> list[Polled]:
        found = [await source.poll() for _ in range(3)]
        await source.close()
        await source.close()
        return found

    for one in asyncio.run(polled()):
        assert all(item.text for item in one.items if isinstance(item, BadCapture))
        assert all(notice.code and notice.text for notice in one.notices)
