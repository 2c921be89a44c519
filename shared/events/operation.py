"""Events of operating and learning: offline work, models, commands, alerts, dead letters."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from shared.events.base import Event, Record
from shared.events.decisions import DenialCode


class OfflineKind(StrEnum):
    """Work that needs the handlers of all services, done outside the market's path."""

    TRAINING_SET = "training_set"
    DAY_REVIEW = "day_review"
    HISTORY = "history"


class OfflineRequested(Event, frozen=True, kw_only=True):
    """Offline work is asked for; it stays open until an `OfflineFinished` names its id.

    Attributes:
        kind: what is to be done.
        sources: exchange dates of the store, ISO; all of them when empty.
    """

    VERSION: ClassVar[int] = 2

    kind: OfflineKind
    sources: tuple[str, ...] = ()


class Artefact(Record, frozen=True, kw_only=True):
    """A file that offline work made.

    Attributes:
        path: below the folder of the models, or of the reports for a day's review and for history, with forward slashes.
        content: hash of what it holds; the same content has the same hash, whoever made it and when.
        counts: what it holds and what was left out, by name.
    """

    path: str
    content: str
    counts: dict[str, int]


class OfflineFinished(Event, frozen=True, kw_only=True):
    """Offline work is done, or cannot be done. Doing it twice gives the same event.

    Attributes:
        request_id: event it answers.
        kind: what was done.
        artefact: what was made, None when nothing could be.
        problem: why nothing could be made, empty when something was.
    """

    VERSION: ClassVar[int] = 2

    request_id: str
    kind: OfflineKind
    artefact: Artefact | None
    problem: str = ""


class ModelPublished(Event, frozen=True, kw_only=True):
    """A trained bundle is ready. It holds from this event on, or from `effective_ts` when that is later.

    Attributes:
        model_version: content hash of the bundle.
        schema_id: feature schema it was trained on.
        verdict: what the registry's history says last of it.
        role: `champion` decides, `challenger` shadows.
        metrics: out-of-sample figures of its manifest.
        effective_ts: ns UTC.
    """

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
    SETTLE = "settle"


class Command(Event, frozen=True, kw_only=True):
    """An operator's word, with who said it and why.

    Attributes:
        limit, value: of SET_LIMIT. With SETTLE `value` is the index level, points.
        source: of SETTLE: where the level comes from.
        underlying: of SETTLE: whose level it is.
        day: of SETTLE: ISO date it settles; None for the one day that waits.
    """

    VERSION: ClassVar[int] = 2

    kind: CommandKind
    operator: str
    reason: str
    limit: str | None = None
    value: float | None = None
    source: str = ""
    underlying: str = ""
    day: str | None = None


class HaltState(StrEnum):
    """How much risk lets a book do.

    ACTIVE: everything. REDUCING: nothing is opened, what is open runs by its own rules. HALTED: nothing is opened and
    what is open is closed.
    """

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class HaltLatch(Record, frozen=True, kw_only=True):
    """A limit that was reached and that only an operator lifts.

    Attributes:
        code: which limit.
        text: the figure and the limit, in words.
        since: event time at which it was reached, ns UTC.
    """

    code: DenialCode
    text: str
    since: int


class HaltChanged(Event, frozen=True, kw_only=True):
    """What a book may do from here on, said by risk: at its first event, at the first of a day, at every change.

    Attributes:
        state: the most severe of what the operator and the latches ask.
        since: event time at which the book entered this state, ns UTC.
        latches: limits reached and not lifted, oldest first.
        command: the newest command about it (HALT, FLATTEN, REDUCE, RESUME); None when none was ever given.
        operator, reason: who gave that command and why; empty without one.
    """

    state: HaltState
    since: int
    latches: tuple[HaltLatch, ...] = ()
    command: CommandKind | None = None
    operator: str = ""
    reason: str = ""


class LimitUnit(StrEnum):
    """What a limit is counted in."""

    RUPEES = "rupees"
    NUMBER = "number"


class LimitUse(Record, frozen=True, kw_only=True):
    """How much of a limit is used.

    Attributes:
        name: of the setting, see docs/settings.md.
        used, limit: in `unit`; a fraction of capital is given in rupees.
    """

    name: str
    used: float
    limit: float
    unit: LimitUnit = LimitUnit.RUPEES


class StressRung(Record, frozen=True, kw_only=True):
    """Profit or loss of the book after one jump of the index, paise, gains positive.

    Attributes:
        move: of the index, a share of its level.
        now: at once, one figure per rise of volatility, see `LimitState.volatility_shifts`.
        at_expiry: at the expiry of every leg.
    """

    move: float
    now: tuple[int, ...]
    at_expiry: int


class LimitOverride(Record, frozen=True, kw_only=True):
    """A limit that an operator has tightened.

    Attributes:
        name: of the setting.
        value: in force; `configured` stands in the file.
        operator, reason: who and why.
        since: event time of the command, ns UTC.
    """

    name: str
    value: float
    configured: float
    operator: str
    reason: str
    since: int


class LimitState(Event, frozen=True, kw_only=True):
    """What a book uses of its limits, said by risk: at each step with a position, and at every change.

    Attributes:
        uses: of each limit.
        stress: the ladder, from the deepest fall to the highest rise; empty for an empty book.
        volatility_shifts: rises of implied volatility the ladder's columns stand for, decimals.
        overrides: limits that an operator has tightened.
    """

    uses: tuple[LimitUse, ...]
    stress: tuple[StressRung, ...] = ()
    volatility_shifts: tuple[float, ...] = ()
    overrides: tuple[LimitOverride, ...] = ()


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
