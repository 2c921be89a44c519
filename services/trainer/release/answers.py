"""Which answers of the offline process were learned from, in a file beside the registry."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from shared.events import OfflineFinished

_POSITIONS = "answered.json"
_LOCK = ".training.lock"


@dataclass(frozen=True, slots=True)
class OfflineAnswer:
    """An answer and where it lay.

    Attributes:
        partition: of the topic.
        entry_id: of its stream, `milliseconds-number`.
        event: the answer.
    """

    partition: int
    entry_id: str
    event: OfflineFinished

    @property
    def order(self) -> tuple[int, int]:
        """Place of the entry in its stream."""
        return _order(self.entry_id)


class AnswerLog:
    """Remembers up to which entry of each partition everything is done, and lets one trainer at a time work on it.

    Args:
        models: folder of the registry; what is done is a fact about it, so it stands there.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._lock: IO[str] | None = None

    def positions(self) -> dict[int, str]:
        """Give the last entry that is done, by partition."""
        try:
            held = (self._models / _POSITIONS).read_bytes()
        except FileNotFoundError:
            return {}
        return msgspec.json.decode(held, type=dict[int, str])

    def hold(self) -> bool:
        """Keep other trainers off; False when one is at work. The kernel lets go when this process ends."""
        if self._lock is not None:
            return True
        self._models.mkdir(parents=True, exist_ok=True)
        lock = (self._models / _LOCK).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def let_go(self) -> None:
        """Let other trainers work."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def open(self, answers: Iterable[OfflineAnswer]) -> list[OfflineAnswer]:
        """Give those that are not done."""
        done = {partition: _order(entry_id) for partition, entry_id in self.positions().items()}
        return [one for one in answers if one.order > done.get(one.partition, (-1, -1))]

    def close(self, answers: Iterable[OfflineAnswer]) -> None:
        """Write down that these, and all before them, are done."""
        positions = self.positions()
        for one in sorted(answers, key=lambda one: one.order):
            positions[one.partition] = one.entry_id
        draft = self._models / f"{_POSITIONS}.draft"
        draft.write_bytes(msgspec.json.encode(positions))
        draft.replace(self._models / _POSITIONS)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
