"""Chains and events as columns, and chains back from columns, number for number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.events import ChainSnapshot, Event, ExpiryChain, LegColumns
from shared.market.chain import ParsedChain
from shared.streaming.protocol.codec import decode_stored

_PRICES = ("bid", "ask", "ltp", "iv")
_COUNTS = ("bid_qty", "ask_qty", "volume", "oi", "oi_change")
_LEG_FIELDS = ("bid", "ask", "bid_qty", "ask_qty", "ltp", "volume", "oi", "oi_change", "iv")
_TEXT = pa.dictionary(pa.int32(), pa.string())

ROWS_VERSION = 4
"""Layout of snapshot and leg rows, in their column `v`; rows of v0.1.0 have none and are version 1, without that column. Version
3 knows the previous close, version 4 the position at which the broker took a snapshot, and its kind of feed. A row of an event carries the version of the event."""

SNAPSHOT_SCHEMA = pa.schema(
    [
        ("ts", pa.int64()),
        ("underlying", pa.string()),
        ("id", pa.string()),
        ("seq", pa.int64()),
        ("received_ns", pa.int64()),
        ("spot", pa.float64()),
        ("vix", pa.float64()),
        ("previous_close", pa.float64()),
        ("source", pa.string()),
        ("quality", pa.string()),
        ("entry", pa.string()),
        ("feed", pa.string()),
        ("v", pa.int16()),
    ]
)
LEG_SCHEMA = pa.schema(
    [
        ("ts", pa.int64()),
        ("underlying", pa.string()),
        ("expiry", pa.date32()),
        ("expiry_spot", pa.float64()),
        ("strike", pa.float64()),
        *(
            (f"{side}_{name}", pa.float64() if name in _PRICES else pa.int64())
            for side in ("call", "put")
            for name in _LEG_FIELDS
        ),
        ("v", pa.int16()),
    ]
)
EVENT_SCHEMA = pa.schema(
    [
        ("entry", pa.string()),
        ("topic", pa.string()),
        ("type", pa.string()),
        ("ts", pa.int64()),
        ("id", pa.string()),
        ("producer", pa.string()),
        ("payload", pa.string()),
        ("v", pa.int16()),
    ]
)
SNAPSHOT_ORDER = ("underlying", "ts")
LEG_ORDER = ("underlying", "expiry", "strike", "ts")
EVENT_ORDER = ("topic", "ts", "entry")


def snapshot_table(
    chains: Sequence[ParsedChain | ChainSnapshot], positions: Sequence[str | None] | None = None
) -> pa.Table:
    """Lay chains out, one row each.

    Args:
        chains: imported or recorded.
        positions: at which the broker took them, as many as chains; None for chains that came by no broker.
    """
    taken = positions if positions is not None else [None] * len(chains)
    rows = [{**_snapshot_row(chain), "entry": at} for chain, at in zip(chains, taken, strict=True)]
    return pa.Table.from_pylist(rows, schema=SNAPSHOT_SCHEMA)


def leg_table(chains: Iterable[ParsedChain | ChainSnapshot]) -> pa.Table:
    """Lay the legs of chains out, one row per strike of each expiry."""
    columns: dict[str, list[Any]] = {name: [] for name in LEG_SCHEMA.names}
    for chain in chains:
        for expiry in chain.expiries:
            count = len(expiry.strikes)
            columns["ts"] += [_stamp(chain)] * count
            columns["underlying"] += [chain.underlying] * count
            columns["expiry"] += [date.fromisoformat(expiry.expiry)] * count
            columns["expiry_spot"] += [expiry.spot] * count
            columns["strike"] += expiry.strikes
            columns["v"] += [ROWS_VERSION] * count
            for side, leg in (("call", expiry.call), ("put", expiry.put)):
                for name in _LEG_FIELDS:
                    columns[f"{side}_{name}"] += getattr(leg, name)
    arrays = [pa.array(columns[field.name], type=field.type) for field in LEG_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=LEG_SCHEMA)


def chains_of(snapshots: pa.Table, legs: pa.Table) -> Iterator[ParsedChain]:
    """Give chains back in time order; the first of a stamp stands where one was stored twice."""
    expiries = dict(_expiries_by_snapshot(legs))
    seen: set[tuple[str, int]] = set()
    for row in snapshots.sort_by([("ts", "ascending"), ("underlying", "ascending")]).to_pylist():
        key = (row["underlying"], row["ts"])
        if key in seen:
            continue
        seen.add(key)
        yield ParsedChain(
            underlying=row["underlying"],
            stamp_ns=row["ts"],
            received_ns=row["received_ns"],
            spot=row["spot"],
            vix=row["vix"],
            previous_close=row.get("previous_close"),
            expiries=expiries.get(key, ()),
            source=row["source"],
        )


def events_of(rows: pa.Table, kinds: Sequence[type[Event]]) -> Iterator[Event]:
    """Give events of some kinds back in time order; the first of an id stands where one was stored twice.

    Raises:
        WireError: one of them is of a newer version, or not what its kind promises.
    """
    by_name = {kind.__name__: kind for kind in kinds}
    taken = rows.filter(pc.is_in(rows.column("type"), value_set=pa.array(list(by_name), pa.string())))
    seen: set[str] = set()
    for row in taken.sort_by([("ts", "ascending"), ("entry", "ascending")]).to_pylist():
        if row["id"] not in seen:
            seen.add(row["id"])
            # Rows of v0.1.0 have no version: every event was of its first.
            yield decode_stored(by_name[row["type"]], row.get("v") or 1, row["payload"].encode())


def _expiries_by_snapshot(legs: pa.Table) -> Iterator[tuple[tuple[str, int], tuple[ExpiryChain, ...]]]:
    order = [(name, "ascending") for name in ("underlying", "ts", "expiry", "strike")]
    ordered = legs.sort_by(order)
    columns = {name: ordered.column(name).to_pylist() for name in LEG_SCHEMA.names if name != "v"}
    keys = list(zip(columns["underlying"], columns["ts"], columns["expiry"], strict=True))
    runs = [(key, list(run)) for key, run in groupby(range(len(keys)), key=keys.__getitem__)]
    for snapshot, group in groupby(runs, key=lambda run: run[0][:2]):
        yield snapshot, tuple(_expiry(columns, key[2], _distinct(columns["strike"], rows)) for key, rows in group)


def _distinct(strikes: Sequence[float], rows: Sequence[int]) -> list[int]:
    """Take the first row of each strike."""
    return [next(run) for _, run in groupby(rows, key=strikes.__getitem__)]


def _expiry(columns: dict[str, list[Any]], expiry: date, rows: Sequence[int]) -> ExpiryChain:
    def leg(side: str) -> LegColumns:
        return LegColumns(**{name: tuple(columns[f"{side}_{name}"][row] for row in rows) for name in _LEG_FIELDS})

    return ExpiryChain(
        expiry=expiry.isoformat(),
        strikes=tuple(columns["strike"][row] for row in rows),
        call=leg("call"),
        put=leg("put"),
        spot=columns["expiry_spot"][rows[0]],
    )


def _snapshot_row(chain: ParsedChain | ChainSnapshot) -> dict[str, Any]:
    recorded = chain if isinstance(chain, ChainSnapshot) else None
    return {
        "ts": _stamp(chain),
        "underlying": chain.underlying,
        "id": recorded.header.id if recorded else None,
        "seq": recorded.header.seq if recorded else None,
        "received_ns": chain.received_ns,
        "spot": chain.spot,
        "vix": chain.vix,
        "previous_close": chain.previous_close,
        "source": chain.source,
        "quality": ",".join(recorded.quality) if recorded else None,
        "feed": recorded.feed.value if recorded and recorded.feed is not None else None,
        "v": ROWS_VERSION,
    }


def _stamp(chain: ParsedChain | ChainSnapshot) -> int:
    return chain.header.ts if isinstance(chain, ChainSnapshot) else chain.stamp_ns
