"""Signs of life of services on the broker: who beats, whether its loops go round, and how far its work has got.

A beat is judged by whoever looks, on a clock of his own: what counts is that its number still grows. So nobody's clocks
have to agree, and a process that is stopped, hung or gone shows in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from shared.layouts import Layout


class PartitionBeat(msgspec.Struct, frozen=True, kw_only=True):
    """How far a partition's work has got.

    Attributes:
        step: topic and entry of the newest commit, empty before the first.
        event_ts: event time of what was handled last, ns UTC; None before the first.
    """

    partition: int
    step: str = ""
    event_ts: int | None = None


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of life of one process.

    Attributes:
        replica: name of the process, its host and process id.
        number: grows with every beat.
        written_ns: the process's clock, ns UTC; for people.
        well: whether every loop of the process goes round.
        reason: which one does not, and since when; empty when all do.
        partitions: that it owns, of a service that handles.
    """

    service: str
    replica: str
    pid: int
    number: int
    written_ns: int
    well: bool = True
    reason: str = ""
    partitions: tuple[PartitionBeat, ...] = ()


BEAT: Final = Layout("beat", Beat)
"""How a beat lies on the broker."""


class Beats(Protocol):
    """The newest beat of each process, on the broker."""

    def write(self, beat: Beat) -> None:
        """Put a beat in place of the process's last one; EngineError when the broker does not take it."""
        ...

    def remove(self, service: str, replica: str) -> None:
        """Take a process that ends well off the list."""
        ...

    def newest(self) -> tuple[Beat, ...]:
        """Give the newest beat of every process; EngineError when the broker does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class Silence:
    """A service of which no process works, or one process that does not: since how many seconds, and why."""

    service: str
    replica: str
    seconds: float
    reason: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.service}: {self.reason}"


@dataclass(slots=True)
class _Seen:
    beat: Beat
    changed_s: float
    well_s: float


class BeatWatch:
    """Judges beats by what it has seen of them.

    Args:
        limit_s: a beat that did not change for longer is missing.
        first_s: how long a service that must be there may take to its first beat; `limit_s` when None.
    """

    def __init__(self, limit_s: float, first_s: float | None = None) -> None:
        self._limit_s = limit_s
        self._first_s = limit_s if first_s is None else first_s
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._since_s: float | None = None

    def see(self, beats: Iterable[Beat], now_s: float) -> None:
        """Take the newest beats, at a moment of the caller's own steady clock, seconds."""
        self._since_s = now_s if self._since_s is None else self._since_s
        fresh: dict[tuple[str, str], _Seen] = {}
        for beat in beats:
            key = (beat.service, beat.replica)
            before = self._seen.get(key)
            if before is None:
                fresh[key] = _Seen(beat, now_s, now_s)
                continue
            changed = now_s if beat.number != before.beat.number else before.changed_s
            fresh[key] = _Seen(beat, changed, now_s if beat.well and changed == now_s else before.well_s)
        self._seen = fresh

    def lost_sight(self) -> None:
        """Forget how old beats are: the broker was away, and its silence was not the services'."""
        self._seen.clear()
        self._since_s = None

    def silent_services(self, now_s: float, expected: Sequence[str] = ()) -> tuple[Silence, ...]:
        """Name every service of which no process beats well.

        Args:
            now_s: moment of the clock that `see` was told.
            expected: services that must be there, beside those that were seen.
        """
        if self._since_s is None:
            return ()
        seen = dict.fromkeys((*expected, *(service for service, _ in self._seen)))
        found: list[Silence] = []
        for service in seen:
            judged = [self._judge(one, now_s) for (name, _), one in self._seen.items() if name == service]
            waited = now_s - self._since_s
            if not judged and waited > self._first_s:
                found.append(Silence(service, "", waited, f"no heartbeat for {waited:.0f} s"))
            if judged and all(judged):
                newest = min((one for one in judged if one is not None), key=lambda one: one.seconds)
                found.append(newest)
        return tuple(found)

    def silent_processes(self, now_s: float) -> tuple[Silence, ...]:
        """Name every process that does not beat well."""
        judged = (self._judge(one, now_s) for one in self._seen.values())
        return tuple(one for one in judged if one is not None)

    def _judge(self, seen: _Seen, now_s: float) -> Silence | None:
        beat, missing, unwell = seen.beat, now_s - seen.changed_s, now_s - seen.well_s
        if missing > self._limit_s:
            return Silence(beat.service, beat.replica, missing, f"no heartbeat for {missing:.0f} s")
        if not beat.well:
            return Silence(beat.service, beat.replica, unwell, f"it hangs: {beat.reason}")
        return None
