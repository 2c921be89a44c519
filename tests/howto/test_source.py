"""docs/howto/source.md: one new file and one setting, and its chains pass the gates and are decided on."""

from __future__ import annotations

import csv

from services.ingest.sources.port import RecordedSource
from services.ingest.sources.registry import sources
from services.ingest.sources.synthetic.source import synthetic_days
from shared.events import FeatureVector, Signal
from shared.market.chain import BadCapture
from shared.streaming.memory.engine import MemoryEngine
from tests.contract.test_sources import context_of
from tests.howto.page import write_block
from trading_system.wiring import Installation

MINUTES = 30


def test_the_chains_of_the_page_become_features_and_signals(tmp_path):
    quotes = tmp_path / "quotes.csv"
    with quotes.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["stamp_ns", "expiry", "strike", "kind", "bid", "ask"])
        for chain, _ in zip(synthetic_days(7), range(MINUTES), strict=False):
            front = chain.expiries[0]
            for kind, leg in (("C", front.call), ("P", front.put)):
                for strike, bid, ask in zip(front.strikes, leg.bid, leg.ask, strict=True):
                    if bid and ask:
                        writer.writerow([chain.stamp_ns, front.expiry, strike, kind, bid, ask])
        writer.writerow([chain.stamp_ns + 1, "2026-06-02", "none", "C", 1, 2])
    path = write_block("source.md", 0, tmp_path / "quotes_csv.py")
    house = Installation.load(
        {"THETAFLOW_INGEST_SOURCE": f"{path}:QuotesCsv", "THETAFLOW_INGEST_REPLAY_PATH": str(quotes)}
    )
    source = sources().get(house.ingest.source)(context_of(house.ingest))
    assert isinstance(source, RecordedSource)
    items = list(source)
    assert items == list(source)
    assert [type(item) is BadCapture for item in items] == [False] * MINUTES + [True]
    seen: list[object] = []
    engine = MemoryEngine(house.services(), observer=seen.append)
    ingest = house.ingest_handler("nifty")
    for item in items:
        engine.publish(ingest.accept(item))
    assert sum(isinstance(event, FeatureVector) for event in seen) == MINUTES
    assert sum(isinstance(event, Signal) for event in seen) == MINUTES
