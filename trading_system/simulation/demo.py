"""A made-up trading day through real service processes, for a first look."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from services.ingest.sources.synthetic.source import synthetic_days
from services.risk.settings import RiskSettings
from shared.market.chain import Parsed
from shared.settings import variable_of
from shared.streaming.connect import engine_names
from trading_system.simulation.replay import Progress, SimulationRequest, simulate_items
from trading_system.simulation.report import SimulationReport

_SNAPSHOTS_A_DAY = 376


@dataclass(frozen=True, slots=True)
class SyntheticReplay:
    """Days of a made-up market, as captures to replay."""

    seed: int
    days: int
    richness: float = 0.0

    @property
    def len_hint(self) -> int | None:
        """About how many captures there will be."""
        return self.days * _SNAPSHOTS_A_DAY

    def __iter__(self) -> Iterator[Parsed]:
        """Give them in time order."""
        return iter(synthetic_days(self.seed, self.days, richness=self.richness))


def run_demo(
    *,
    seed: int,
    days: int,
    book: str,
    port: int | None,
    progress: Progress | None,
    richness: float = 0.0,
    before_end: Callable[[SimulationReport, str], None],
) -> SimulationReport:
    """Play a synthetic market through service processes over a broker, with the dashboard beside them.

    The broker is the one of REDIS_URL, which must be empty, or an embedded one.

    Args:
        seed: which market.
        days: how many of its days.
        book: key of the events.
        port: of the dashboard; a free one when None.
        progress: told of each capture.
        richness: of the market's implied over its realised volatility, a share of it. Risk is told it as its prior, unless
            the environment says another: one day is too short to see it.
        before_end: sees the report and the dashboard's address while everything still runs.
    """
    chosen = port if port is not None else _free_port()
    told = variable_of(RiskSettings, "prior_richness")
    environ = {
        told: str(richness),
        **os.environ,
        "THETAFLOW_GATEWAY_PORT": str(chosen),
        "THETAFLOW_GATEWAY_HOST": "127.0.0.1",
    }
    request = SimulationRequest(
        source=f"synthetic market, seed {seed}, {days} day{'s' if days > 1 else ''}, implied {_rich(richness)}; "
        f"risk is told a richness of {float(environ[told]):g} and measures on from there",
        engine=engine_names()[0],
        book=book,
        broker_url=os.environ.get("REDIS_URL") or None,
        companions=("gateway",),
        environ=environ,
    )
    return simulate_items(
        SyntheticReplay(seed, days, richness),
        request,
        progress=progress,
        before_end=lambda report: before_end(report, f"http://127.0.0.1:{chosen}/"),
    )


def _rich(richness: float) -> str:
    return f"{abs(richness):.0%} too {'rich' if richness > 0 else 'cheap'}" if richness else "fair"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
