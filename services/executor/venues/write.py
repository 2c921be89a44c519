"""A write to a venue that keeps a value per variable: what it is, where it stands, and how the journal stores it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from shared.events import VenueTarget
from shared.events.upcasting import target_v1, unchanged
from shared.layouts import Layout, Plain


class WriteState(StrEnum):
    """Where a write stands. CONFIRMED means stored, not traded; ACCEPTED the same, as far as a status can say it."""

    PENDING = "pending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    FAILED = "failed"


STORED = frozenset({WriteState.CONFIRMED, WriteState.ACCEPTED})
"""The venue holds the value, as far as it says so."""

MAY_BE_STORED = STORED | {WriteState.SENT, WriteState.UNKNOWN}
"""The venue may hold the value."""

UNANSWERED = frozenset({WriteState.SENT, WriteState.UNKNOWN})
"""The write may still be on its way."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One value for one venue variable.

    Attributes:
        fence: grows with every write of a book; a repeat of the same value keeps it.
        value: +1, -1 or 0.
        target: what the entry is for; None for 0.
        why: in words.
        state, attempts, sent_ns: as far as it got; `sent_ns` is the clock when the newest attempt began.
        settled_ns: the clock after which no unanswered attempt at this variable can arrive any more.
        day: of the intent behind it.
        answer: the venue's words, redacted.
    """

    book: str
    variable: int
    fence: int
    value: int
    why: str
    target: VenueTarget | None = None
    state: WriteState = WriteState.PENDING
    attempts: int = 0
    sent_ns: int = 0
    settled_ns: int = 0
    day: str = ""
    answer: str = ""


def _variable(write: Plain) -> Plain:
    """Version 1 called the variable a slot, and its target had one contract."""
    target = write.get("target")
    rest = {name: value for name, value in write.items() if name != "slot"}
    return {**rest, "variable": write["slot"], "target": None if target is None else target_v1(target)}


WRITE: Final = Layout("outbox.write", Write, version=4, upcasters={1: _variable, 2: unchanged, 3: unchanged})
"""How a line of the outbox's journal is stored."""
