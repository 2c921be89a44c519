"""What ingest remembers of one book."""

from __future__ import annotations

from services.ingest.quality.gates import LastGood
from shared.events import Record

STATE_VERSION = 1


class IngestDay(Record, frozen=True, kw_only=True):
    """Where the book stands within one session: day, its bounds in ns UTC and the next beat."""

    day: str
    open_ns: int
    close_ns: int
    next_tick_ns: int


class IngestState(Record, frozen=True, kw_only=True):
    """Everything the handler of a book knows; it is the whole checkpoint."""

    version: int
    book: str
    seq: int
    today: IngestDay | None
    last: LastGood | None
    last_event_ns: int | None
    last_snapshot_ns: int | None
    refusals: dict[str, int]
    alerted: dict[str, str]
    alerts: int
    front_checked: str
    volume_backs: int
