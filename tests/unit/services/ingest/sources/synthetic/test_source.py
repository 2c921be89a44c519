"""Synthetic chains are the same for the same seed, pass the gates unless faults are asked for, and faults are caught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from services.ingest.handler import IngestHandler
from services.ingest.sources.synthetic.source import Faults, synthetic_days
from shared.events import ChainSnapshot, QualityFlag
from shared.market.chain import DataVerdict, ParsedChain


@pytest.fixture
def make(calendar, contracts):
    def days(seed: int = 5, count: int = 1, **options: Any) -> list[ParsedChain]:
        return list(synthetic_days(seed, count, calendar=calendar, contracts=contracts, **options))

    return days


def played(handler: IngestHandler, chains: Iterable[ParsedChain]) -> tuple[Counter[DataVerdict], Counter[QualityFlag]]:
    flags: Counter[QualityFlag] = Counter()
    for chain in chains:
        for event in handler.accept(chain):
            if isinstance(event, ChainSnapshot):
                flags.update(event.quality)
    return handler.refusals, flags


def test_one_seed_is_one_market(make):
    assert make(5) == make(5)
    assert make(5)[0] != make(6)[0]


def test_days_do_not_depend_on_how_many_are_asked_for(make):
    assert make(5, 2)[:375] == make(5, 1)


def test_a_week_passes_the_gates_untouched(make, make_handler):
    refusals, flags = played(make_handler(), make(9, 5, expiries=3))
    assert not refusals
    assert set(flags) <= {QualityFlag.OI_JUMP}


@pytest.mark.parametrize(
    ("fault", "verdict", "flag"),
    [
        ("gaps", None, QualityFlag.AFTER_GAP),
        ("stale", DataVerdict.STALE_STAMP, None),
        ("crossed", DataVerdict.CROSSED_BOOK, None),
        ("frozen", None, QualityFlag.STALE),
        ("no_spot", None, QualityFlag.NO_SPOT),
    ],
)
def test_each_fault_is_caught_by_its_gate(make, make_handler, fault, verdict, flag):
    refusals, flags = played(make_handler(), make(5, faults=Faults(**{fault: 0.05})))
    assert verdict is None or refusals[verdict] > 5
    assert flag is None or flags[flag] > 0


def test_all_faults_together_leave_only_good_snapshots(make, make_handler):
    faults = Faults(gaps=0.01, stale=0.05, crossed=0.05, frozen=0.05, no_spot=0.05)
    chains = make(5, faults=faults)
    handler = make_handler()
    events = [event for chain in chains for event in handler.accept(chain)]
    snapshots = [event for event in events if isinstance(event, ChainSnapshot)]
    assert len(snapshots) + sum(handler.refusals.values()) == len(chains)
    for snapshot in snapshots:
        for one in snapshot.expiries:
            for leg in (one.call, one.put):
                quoted = [(b, a) for b, a in zip(leg.bid, leg.ask, strict=True) if b is not None and a is not None]
                assert all(bid <= ask for bid, ask in quoted)
