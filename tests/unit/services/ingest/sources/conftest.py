"""A fake site with a clock of its own, and sources on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

import pytest

from services.ingest.settings import IngestSettings
from services.ingest.sources.nse.source import NseSource
from services.ingest.sources.port import Polled
from shared.clock import NS_PER_SECOND, ManualClock, ist_ns
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from tests.fakes.nse import FakeNse
from tests.fakes.nse_market import Tape, weekday_holidays

DAY = date(2026, 11, 18)


@dataclass
class Visit:
    """A source on a fake site."""

    site: FakeNse
    clock: ManualClock
    source: NseSource
    breaker: list[bool]
    pauses: list[float] = field(default_factory=list)

    def poll(self, times: int = 1, every_s: float = 60.0) -> list[Polled]:
        """Poll several times in one event loop, then close."""

        async def polls() -> list[Polled]:
            found = []
            for number in range(times):
                if number:
                    self.clock.advance(int(every_s * NS_PER_SECOND))
                found.append(await self.source.poll())
            await self.source.close()
            return found

        return asyncio.run(polls())

    def paths(self) -> list[str]:
        return [seen.path.rpartition("/")[2] for seen in self.site.seen]


@pytest.fixture(scope="session")
def tape() -> Tape:
    return Tape.synthetic(DAY)


@pytest.fixture(scope="session")
def site(tape: Tape) -> Iterator[FakeNse]:
    with FakeNse(tape, ManualClock(0), slow_s=1.0) as running:
        yield running


@pytest.fixture
def visit(site: FakeNse, calendar: TradingCalendar, contracts: ContractTable) -> Callable[..., Visit]:
    def make(
        settings: dict[str, object] | None = None, held: Callable[[], tuple[date, ...]] = tuple, **given: Any
    ) -> Visit:
        clock = ManualClock(ist_ns(2026, 11, 18, 11, 0, 20))
        site.begin_anew(clock, **{"holidays": weekday_holidays(calendar, DAY.year), **given})
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            clock.advance(int(seconds * NS_PER_SECOND))

        breaker: list[bool] = []
        wanted = {"source": "nse", "accept_nse_terms": True, "nse_url": site.url, "nse_timeout_s": 0.3}
        chosen: dict[str, Any] = {**wanted, **(settings or {})}
        source = NseSource(
            IngestSettings(**chosen),
            clock=clock,
            calendar=calendar,
            contracts=contracts,
            random=Random(3),
            sleep=sleep,
            on_breaker=breaker.append,
            held_expiries=held,
        )
        return Visit(site, clock, source, breaker, pauses)

    return make
