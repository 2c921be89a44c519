"""The port through which chains enter: a running market that is polled, or a recording that is read to its end.

One class in one file is a source. `docs/howto/source.md` shows one of each sort, and `tests/contract/test_sources.py` is
what every one must pass.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Protocol, runtime_checkable

from services.ingest.settings import IngestSettings
from shared.clock import Clock
from shared.events import Record, Severity
from shared.market.calendar import TradingCalendar
from shared.market.chain import Parsed
from shared.market.contracts import ContractTable
from shared.market.quote_table import QuoteTable

Sleep = Callable[[float], Awaitable[None]]
"""Waits for seconds; a test's moves its clock instead."""


SiteTime = Callable[[int, int], None]
"""Takes the time of an answer by the other side's clock and by ours, ns UTC."""


HeldExpiries = Callable[[], Collection[date]]
"""Gives the expiries of what the book holds, as far as it is known; quick, and it never raises."""


def nothing_held() -> Collection[date]:
    """Hold nothing."""
    return ()


def no_site_time(_site_ns: int, _host_ns: int) -> None:
    """Take nothing."""


class Notice(Record, frozen=True, kw_only=True):
    """Something about the source itself that a person should know; becomes an Alert.

    Attributes:
        code: dotted name, the same for the same sort of thing.
        text: in words.
    """

    severity: Severity
    code: str
    text: str


class Polled(Record, frozen=True, kw_only=True):
    """What one poll brought.

    Attributes:
        items: chains and refusals in the order in which they are to be taken.
        notices: about the source.
    """

    items: tuple[Parsed, ...] = ()
    notices: tuple[Notice, ...] = ()


@runtime_checkable
class ChainSource(Protocol):
    """A feed of one underlying's chains that has to be asked.

    Made as `TheClass(context)` with a SourceContext. A poll raises nothing for what goes wrong outside: a failure is a BadCapture among its items, so that it is counted
    and the loop goes on. A source keeps its own peace (back-off, sessions): asking it too often does no harm.
    """

    @property
    def name(self) -> str:
        """Short name for logs and metrics."""
        ...

    async def poll(self) -> Polled:
        """Give what is new since the last poll; nothing when there is nothing."""
        ...

    async def close(self) -> None:
        """Let go of connections and files; a closed source is not polled again."""
        ...


@runtime_checkable
class RecordedSource(Protocol):
    """A recording: iterating gives chains and refusals in order of time, the same ones each time it is iterated.

    Iterating raises nothing for what is wrong in the recording: a BadCapture stands in its place.
    """

    def __iter__(self) -> Iterator[Parsed]:
        """Begin at the first chain."""
        ...


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source is made with.

    Attributes:
        settings: of the ingest service.
        clock: the present.
        calendar: sessions by date.
        contracts: contract terms by date.
        random: for the jitter of polls.
        sleep: waits between attempts.
        on_breaker: told whether the source's circuit breaker is open, at every change.
        quotes: how wide a quote may be by date; the packaged bounds when None.
        held_expiries: gives the expiries of open positions: a source that is asked by expiry always asks for them.
        on_site_time: told what the other side's clock shows, where an answer says so.
    """

    settings: IngestSettings
    clock: Clock
    calendar: TradingCalendar
    contracts: ContractTable
    random: Random
    sleep: Sleep
    on_breaker: Callable[[bool], None] = lambda _open: None
    quotes: QuoteTable | None = None
    on_site_time: SiteTime = no_site_time
    held_expiries: HeldExpiries = nothing_held
