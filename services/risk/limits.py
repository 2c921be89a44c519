"""Limits in force: the file's ceilings, tightened by commands, and what became of either since the last restart.

A tightening holds until the file gives another ceiling for that limit: only a person with the file loosens, and the
change is told of in an alert.
"""

from __future__ import annotations

import msgspec

from services.risk.settings import TIGHTER, RiskSettings
from shared.events import Command, LimitOverride


class Tightening(msgspec.Struct, frozen=True):
    """A limit tightened by command: the value, the file's ceiling then (None: not known), who, why, and the event time."""

    value: float
    configured: float | None
    operator: str
    reason: str
    ts: int


class LimitRecord(msgspec.Struct):
    """What is remembered of limits between restarts.

    Attributes:
        tightened: by name.
        configured: ceilings of the file as they were last told of; empty before the first event.
    """

    tightened: dict[str, Tightening] = {}
    configured: dict[str, float] = {}


class Limits:
    """The settings a book is held to.

    Args:
        configured: what the file says.
    """

    def __init__(self, configured: RiskSettings) -> None:
        self._configured = configured
        self._forgotten: list[str] = []
        self.settings = configured

    def restore(self, record: LimitRecord) -> None:
        """Lay remembered tightenings over the file, but for those whose ceiling the file has changed since."""
        self.settings, self._forgotten = self._configured, []
        for name, held in list(record.tightened.items()):
            ceiling = self._ceiling(name)
            moved = held.configured is not None and held.configured != ceiling
            if ceiling is None or moved or (held.value - ceiling) * TIGHTER[name] < 0.0:
                del record.tightened[name]
                if not moved:  # what the file has moved is told of as such
                    self._forgotten.append(
                        f"{name}: {held.value:g} by command of a former version no longer holds; by the settings file: "
                        f"{getattr(self._configured, name, None)}"
                    )
                continue
            self.settings = self.settings.with_limit(name, held.value)

    def tighten(self, command: Command, record: LimitRecord) -> str:
        """Do what a SET_LIMIT asks; give it in words.

        Raises:
            ValueError: there is no such limit, or the value is missing, not one it takes, or looser than the present one.
        """
        name, value = command.limit, command.value
        if name is None or value is None:
            raise ValueError(f"expected a limit and a value, got {name!r} and {value!r}")
        self.settings = self.settings.with_limit(name, value)
        record.tightened[name] = Tightening(
            value=value,
            configured=float(getattr(self._configured, name)),
            operator=command.operator,
            reason=command.reason,
            ts=command.header.ts,
        )
        return f"{name} = {value:g}"

    def changed_by_file(self, record: LimitRecord) -> list[str]:
        """Say which ceilings the file has moved since they were last told of, and remember the present ones.

        Once after an upgrade, what commands of a former version had set and no command may set any more, too.
        """
        forgotten, self._forgotten = self._forgotten, []
        present = {name: float(getattr(self._configured, name)) for name in TIGHTER}
        if record.configured == present:
            return forgotten
        before, record.configured = record.configured, present
        return forgotten + [
            f"{name} {'looser' if (value - before[name]) * TIGHTER[name] < 0.0 else 'tighter'} by the settings file: "
            f"{before[name]:g} to {value:g}"
            for name, value in present.items()
            if name in before and before[name] != value
        ]

    def overrides(self, record: LimitRecord) -> tuple[LimitOverride, ...]:
        """List what operators have tightened."""
        return tuple(
            LimitOverride(
                name=name,
                value=held.value,
                configured=float(getattr(self._configured, name)),
                operator=held.operator,
                reason=held.reason,
                since=held.ts,
            )
            for name, held in record.tightened.items()
        )

    def _ceiling(self, name: str) -> float | None:
        return float(getattr(self._configured, name)) if name in TIGHTER else None
