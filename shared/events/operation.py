"""Events of operating and learning: models, commands, alerts, dead letters."""

from __future__ import annotations

from enum import StrEnum

from shared.events.base import Event


class ModelPublished(Event, frozen=True, kw_only=True):
    """A trained bundle is ready. It holds from this event on, or from `effective_ts` when that is later."""

    model_version: str
    schema_id: str
    verdict: str
    role: str
    metrics: dict[str, float]
    effective_ts: int


class CommandKind(StrEnum):
    """What an operator may ask."""

    HALT = "halt"
    REDUCE = "reduce"
    RESUME = "resume"
    FLATTEN = "flatten"
    SET_LIMIT = "set_limit"


class Command(Event, frozen=True, kw_only=True):
    """An operator's word, with who said it and why."""

    kind: CommandKind
    operator: str
    reason: str
    limit: str | None = None
    value: float | None = None


class Severity(StrEnum):
    """How loud."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(Event, frozen=True, kw_only=True):
    """Something a person should know."""

    severity: Severity
    code: str
    text: str


class DeadLetter(Event, frozen=True, kw_only=True):
    """An entry that no attempt could handle, whole.

    Attributes:
        topic, entry_id, group: where it lay and who failed on it.
        error: type and message of the last failure.
        attempts: how often it was tried.
        fields: the original entry, every wire field.
    """

    topic: str
    entry_id: str
    group: str
    error: str
    attempts: int
    fields: dict[str, str]
