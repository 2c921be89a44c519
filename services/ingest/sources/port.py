"""The port through which chains of a running market enter: the exchange's site, a broker's feed, whatever comes next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.events import Record, Severity
from shared.market.chain import Parsed

Sleep = Callable[[float], Awaitable[None]]
"""Waits for seconds; a test's moves its clock instead."""


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


class ChainSource(Protocol):
    """A feed of one underlying's chains that has to be asked.

    A poll raises nothing for what goes wrong outside: a failure is a BadCapture among its items, so that it is counted
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
