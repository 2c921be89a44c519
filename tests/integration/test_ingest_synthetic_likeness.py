"""The synthetic market looks like the real captures where a strategy would notice: spreads, OI, volume, returns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import pytest

from services.ingest.quality.gates import front_forward
from services.ingest.sources.recorded.replay import open_replay
from services.ingest.sources.synthetic.source import synthetic_days
from shared.market.chain import ParsedChain

pytestmark = pytest.mark.market_data

_PREMIUMS = (5, 10, 20, 50, 100, 200)


def look(chains: Iterable[ParsedChain]) -> dict[str, Any]:
    """Median spread by premium, and per chain: total OI, put share of OI, OI at the money, return per minute."""
    spreads: defaultdict[int, list[float]] = defaultdict(list)
    oi: list[int] = []
    put_share: list[float] = []
    at_money: list[int] = []
    forwards: list[tuple[float, float]] = []
    for chain in chains:
        front = chain.expiries[0]
        forward = front_forward(front, chain.spot)
        if np.isnan(forward):
            continue
        forwards.append((chain.stamp_ns / 60e9, forward))
        strikes = np.array(front.strikes)
        near = np.flatnonzero(np.abs(strikes / forward - 1) < 0.025)
        for leg in (front.call, front.put):
            for at in near:
                bid, ask = leg.bid[at], leg.ask[at]
                if bid is not None and ask is not None:
                    spreads[int(np.searchsorted(_PREMIUMS, (bid + ask) / 2))].append(ask - bid)
        calls, puts = (sum(leg.oi[at] or 0 for at in near) for leg in (front.call, front.put))
        oi.append(calls + puts)
        put_share.append(puts / (calls + puts))
        held = front.call.oi[int(np.argmin(np.abs(strikes - forward)))]
        assert held is not None
        at_money.append(held)
    returns = [
        abs(np.log(b / a)) / np.sqrt(later - now) for (now, a), (later, b) in pairwise(forwards) if 0 < later - now < 3
    ]
    return {
        "spreads": {bucket: median(values) for bucket, values in spreads.items() if len(values) > 50},
        "oi": median(oi),
        "put_share": median(put_share),
        "at_money": median(at_money),
        "move": median(returns),
    }


@pytest.fixture(scope="module")
def real(market_data):
    folder = market_data / "nse-chain-1min-20250829" / "snapshots" / "20250829"
    return look(item for item in open_replay(folder) if isinstance(item, ParsedChain))


@pytest.fixture(scope="module")
def made():
    return look(chain for seed in range(2) for chain in synthetic_days(seed, 5, start=date(2026, 6, 3), expiries=1))


def test_spreads_follow_the_premium_as_they_do_in_the_market(real, made):
    shared = real["spreads"].keys() & made["spreads"].keys()
    assert len(shared) >= 6
    for bucket in shared:
        assert 0.5 < made["spreads"][bucket] / real["spreads"][bucket] < 2.0


def test_open_interest_and_its_balance_are_of_the_markets_order(real, made):
    assert 1 / 3 < made["oi"] / real["oi"] < 3
    assert 1 / 4 < made["at_money"] / real["at_money"] < 4
    assert abs(made["put_share"] - real["put_share"]) < 0.2


def test_minutes_move_about_as_far(real, made):
    assert 0.5 < made["move"] / real["move"] < 2.5
