"""What the two fakes of broker APIs share: a market on a tape, faults by the number of the request, and what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Response

from shared.clock import Clock
from tests.fakes.nse_market import Tape


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer given instead of the right one.

    Attributes:
        slow_s: how long it takes.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    slow_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the API had it."""

    path: str
    now_ns: int
    query: tuple[tuple[str, str], ...]
    body: Mapping[str, object]
    headers: Mapping[str, str]


@dataclass
class FakeApi:
    """State of a fake.

    Attributes:
        tape: what the market does.
        clock: what time it is there.
        faults: by the number of the request, the first is 1.
        asked: what was asked.
    """

    tape: Tape
    clock: Clock
    faults: dict[int, Fault] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def fault(self) -> Response | None:
        """Give the wrong answer to the request that was just noted, None for the right one."""
        fault = self.faults.get(len(self.asked))
        if fault is None:
            return None
        if fault.slow_s:
            await asyncio.sleep(fault.slow_s)
        return Response(fault.body, fault.status, headers=dict(fault.headers), media_type="application/json")

    def paths(self) -> list[str]:
        """Name the paths asked for, in order."""
        return [one.path for one in self.asked]
