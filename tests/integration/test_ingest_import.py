"""Import stores what passes the gates, once, says what it refused and why, and what is stored replays and answers SQL."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from services.ingest.archive.importing import import_paths
from services.ingest.sources.recorded.replay import open_replay
from shared.errors import BadInputError
from shared.events import ExpiryChain
from shared.market.chain import DataVerdict, Parsed, ParsedChain
from shared.store.query import query

pytestmark = pytest.mark.market_data


def test_a_day_is_imported_once_and_comes_back_as_it_was(market_data, tmp_path):
    folder = market_data / "nse-raw-oldapi-2025q4" / "raw" / "2025-11-13"
    told = []
    report = import_paths([folder], tmp_path, lambda done, total: told.append((done, total)))
    assert told[-1] == (19, 19)
    assert report.files == report.chains == 19
    assert report.stored + sum(report.refused.values()) == 19
    assert set(report.refused) == {DataVerdict.REPEATED_STAMP}
    again = import_paths([folder], tmp_path)
    assert (again.stored, again.repeated) == (0, report.stored)
    assert expiries_by_stamp(open_replay("2025-11-13", store=tmp_path)) == expiries_by_stamp(open_replay(folder))


def test_reference_tables_answer_queries_under_their_kind(market_data, tmp_path):
    report = import_paths(
        [market_data / "india-vix-1min-2023", market_data / "daily-vix-spot-span-2012-2026"], tmp_path
    )
    assert report.tables["vix_minute"] == 15_001
    assert not report.refused
    assert report.passed_over == 2
    counted = query("SELECT count(*), count(DISTINCT day) FROM vix_daily", tmp_path).rows
    assert counted == ((3_443, 3_443),)
    import_paths([market_data / "india-vix-1min-2023"], tmp_path)
    assert query("SELECT count(*) FROM vix_minute", tmp_path).rows == ((15_001,),)


def test_odd_cases_are_refused_with_a_reason_each_and_nothing_is_stored(market_data, tmp_path):
    report = import_paths([market_data / "odd-cases"], tmp_path)
    assert sum(report.refused.values()) == 6
    assert report.stored == 0
    assert all(example.text for examples in report.examples.values() for example in examples)


def test_a_path_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(BadInputError, match="existing"):
        import_paths([tmp_path / "absent"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match="file to import"):
        import_paths([tmp_path / "empty"], tmp_path)


def expiries_by_stamp(items: Iterable[Parsed]) -> dict[int, tuple[ExpiryChain, ...]]:
    found = {}
    for item in items:
        assert isinstance(item, ParsedChain), item
        found[item.stamp_ns] = item.expiries
    return found
