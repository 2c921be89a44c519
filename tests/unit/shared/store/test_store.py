"""A store gives back what was put in, number for number, each moment once, whatever it was compacted or crashed into."""

from __future__ import annotations

from datetime import date
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from services.ingest.sources.recorded.replay import open_replay
from services.ingest.sources.synthetic.source import synthetic_days
from shared.errors import BadInputError
from shared.events import Trade
from shared.market.chain import ParsedChain
from shared.store.layout import Table, compact, day_folder, list_parts, read_parts, sweep, write_part
from shared.store.query import query
from shared.store.store import Store
from shared.store.tables import EVENT_SCHEMA, SNAPSHOT_ORDER, snapshot_table
from shared.store.writer import StoreWriter
from shared.streaming.protocol.codec import encode_json
from tests.fakes.plausible_day import PlausibleDay

EIGHT_MB = 8_000_000


@pytest.fixture(scope="module")
def chains() -> list[ParsedChain]:
    """An hour of a made-up market, every second chain with the last close."""
    made = list(islice(synthetic_days(3, 1), 60))
    closes = (None, 24_614.9)
    return [msgspec.structs.replace(chain, previous_close=closes[n % 2]) for n, chain in enumerate(made)]


def filled(root: Path, chains: list[ParsedChain]) -> Store:
    writer = StoreWriter(root)
    for chain in chains:
        writer.put_chain(chain)
    writer.close()
    assert (writer.stored, writer.repeated) == (len(chains), 0)
    return Store(root)


def as_stored(chain: ParsedChain) -> ParsedChain:
    """A chain without what its file's name claimed."""
    return msgspec.structs.replace(chain, expected_day=None)


def test_chains_come_back_number_for_number(tmp_path: Path, chains: list[ParsedChain]):
    store = filled(tmp_path, chains)
    (stored,) = store.days()
    assert stored.snapshots == len(chains)
    assert list(store.read_day(stored.day)) == [as_stored(chain) for chain in chains]


def test_putting_them_in_again_doubles_nothing(tmp_path: Path, chains: list[ParsedChain]):
    filled(tmp_path, chains[:40])
    writer = StoreWriter(tmp_path)
    for chain in chains:
        writer.put_chain(chain)
    writer.close()
    assert (writer.stored, writer.repeated) == (20, 40)
    (stored,) = Store(tmp_path).days()
    assert stored.snapshots == len(chains)
    assert list(Store(tmp_path).read_day(stored.day)) == [as_stored(chain) for chain in chains]


def test_a_crash_between_compaction_and_clean_up_doubles_nothing(tmp_path: Path, chains: list[ParsedChain]):
    folder = day_folder(tmp_path, Table.SNAPSHOTS, "nifty", "2026-06-01")
    for number, chain in enumerate(chains[:4]):
        write_part(folder, f"p0000-{number}", snapshot_table([chain]))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    compact(folder, SNAPSHOT_ORDER)
    for path, content in before.items():
        path.write_bytes(content)
    assert read_parts(list_parts(folder)).num_rows == 4
    sweep(folder)
    assert len(list(folder.iterdir())) == 1


def test_compacting_again_and_again_keeps_everything(tmp_path: Path, chains: list[ParsedChain]):
    folder = day_folder(tmp_path, Table.SNAPSHOTS, "nifty", "2026-06-01")
    for number, chain in enumerate(chains[:6]):
        write_part(folder, f"p0000-{number}", snapshot_table([chain]))
        compact(folder, SNAPSHOT_ORDER)
        assert read_parts(list_parts(folder)).num_rows == number + 1


def test_the_oldest_days_go_when_too_old_or_too_large(tmp_path: Path, chains: list[ParsedChain]):
    store = filled(tmp_path, chains[:2])
    day_ns = 86_400 * 10**9
    later = [
        msgspec.structs.replace(chain, stamp_ns=chain.stamp_ns + n * day_ns) for n in (1, 2) for chain in chains[:2]
    ]
    filled(tmp_path, later)
    days = [stored.day for stored in store.days()]
    today = date.fromisoformat(days[2])
    gone: list[str] = []
    assert store.retain(today, max_days=1, max_bytes=1 << 40, on_delete=lambda _book, day: gone.append(day)) == 1
    assert gone == days[:1]
    assert store.retain(today, max_days=1_000, max_bytes=0) == 1
    assert [stored.day for stored in store.days()] == days[2:]


def test_a_day_that_is_not_stored_is_named(tmp_path: Path):
    with pytest.raises(BadInputError, match="2020-01-01"):
        open_replay("2020-01-01", store=tmp_path)


def test_sql_sees_the_chain_and_cannot_be_misread(tmp_path: Path, chains: list[ParsedChain]):
    filled(tmp_path, chains[:3])
    counted = query("SELECT count(*), count(DISTINCT ts), min(time_ist)::VARCHAR FROM chain", tmp_path)
    legs = sum(len(expiry.strikes) for chain in chains[:3] for expiry in chain.expiries)
    assert counted.rows[0][:2] == (legs, 3)
    assert counted.rows[0][2].startswith("2026-06-01 09:16")
    assert query("SELECT * FROM trades", tmp_path).rows == ()
    assert query("SELECT count(*) FROM chain", tmp_path / "nothing").rows == ((0,),)
    with pytest.raises(BadInputError, match="selec"):
        query("selec", tmp_path)
    outside = tmp_path.parent / "outside.csv"
    with pytest.raises(BadInputError, match="Permission"):
        query(f"COPY (SELECT 1) TO '{outside}'", tmp_path)


def test_sql_sees_what_a_trade_is_made_of(tmp_path: Path):
    trade = next(event for event in PlausibleDay() if isinstance(event, Trade))
    before = msgspec.structs.replace(trade, attribution=None)
    rows = [
        {"entry": str(n), "topic": "trades", "type": "Trade", "ts": n, "id": str(n), "producer": "executor", "v": 3}
        | {"payload": encode_json(each).decode()}
        for n, each in enumerate((trade, before))
    ]
    folder = day_folder(tmp_path, Table.EVENTS, "nifty", "2025-08-29")
    write_part(folder, "p0000-0", pa.Table.from_pylist(rows, schema=EVENT_SCHEMA))
    parts = "SELECT net_pnl, index_move + time + volatility + spread_and_impact + charges, time FROM trades ORDER BY id"
    known, unknown = query(parts, tmp_path).rows
    assert known == pytest.approx((trade.net_pnl_paise / 100, trade.net_pnl_paise / 100, 40.0))
    assert unknown[1:] == (None, None)


def test_a_whole_day_of_three_expiries_is_small(tmp_path: Path):
    whole = [msgspec.structs.replace(item, expiries=item.expiries[:3]) for item in synthetic_days(3, 1)]
    (stored,) = filled(tmp_path, whole).days()
    assert stored.snapshots == 375
    assert stored.size < EIGHT_MB


@pytest.mark.market_data
def test_a_real_day_of_three_expiries_is_small_and_whole(tmp_path: Path, market_data: Path):
    real = {
        item.stamp_ns: msgspec.structs.replace(item, expiries=item.expiries[:3])
        for item in open_replay(market_data / "nse-chain-1min-20250829" / "snapshots" / "20250829")
        if isinstance(item, ParsedChain)
    }
    store = filled(tmp_path, list(real.values()))
    (stored,) = store.days()
    assert stored.size < EIGHT_MB
    assert list(store.read_day(stored.day)) == [as_stored(chain) for chain in real.values()]
