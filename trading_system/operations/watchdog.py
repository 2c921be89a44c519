"""Sees a child that hangs: it runs, and no heartbeat of its says that it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from shared.errors import EngineError
from shared.streaming.beating import replica_name
from shared.streaming.protocol.beats import BeatWatch
from shared.streaming.protocol.client import BrokerClient

_LOOK_S: Final = 1.0
_FIRST_BEAT_S: Final = 90.0


class Watchdog:
    """Judges the children of one fleet by their heartbeats.

    Args:
        client: of the broker, for this thread alone.
        limit_s: a child whose beat is missing for longer hangs.
        first_s: longest time from a child's start to its first beat.
        steady_s: a clock that nobody sets, seconds.
    """

    def __init__(
        self,
        client: BrokerClient,
        limit_s: float,
        *,
        first_s: float = _FIRST_BEAT_S,
        steady_s: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._watch = BeatWatch(limit_s)
        self._first_s = max(first_s, limit_s)
        self._steady_s = steady_s
        self._since: dict[int, float] = {}
        self._again_s = 0.0

    def hung(self, children: Mapping[str, int]) -> dict[str, str]:
        """Say of each child that hangs why.

        A broker that does not answer makes nobody hang: its children wait for it, and start to be judged anew.

        Args:
            children: process ids by service.
        """
        now = self._steady_s()
        if now < self._again_s:
            return {}
        self._again_s = now + _LOOK_S
        try:
            beats = self._client.beats().newest()
        except EngineError:
            self._client.reset()
            self._watch.lost_sight()
            self._since.clear()
            return {}
        self._watch.see(beats, now)
        self._since = {pid: self._since.get(pid, now) for pid in children.values()}
        silent = {(one.service, one.replica): one.reason for one in self._watch.silent_processes(now)}
        beating = {(beat.service, beat.replica) for beat in beats}
        found: dict[str, str] = {}
        for name, pid in children.items():
            process, waited = (name, replica_name(pid)), now - self._since[pid]
            if process in silent:
                found[name] = silent[process]
            elif process not in beating and waited > self._first_s:
                found[name] = f"no heartbeat in {waited:.0f} s since its start"
        return found
