"""What a person reads."""

from __future__ import annotations

from services.alerts.mailbox import Message
from services.alerts.records import QueuedAlert
from services.alerts.rules import HEARTBEAT
from shared.clock import NS_PER_MINUTE, from_ns

_LATE_NS = 5 * NS_PER_MINUTE
_LONGEST_TEXT = 600


def title_of(message: Message) -> str:
    """Give the line that a lock screen shows."""
    first = message.notices[0]
    if len(message.notices) == 1:
        loud = "" if first.code == HEARTBEAT else f"{first.severity.value.upper()} "
        return f"Thetaflow {loud}{first.book} {first.code}".replace("_", " ")
    return f"Thetaflow {message.severity.value.upper()} {len(message.notices)} alerts, first {first.code}".replace(
        "_", " "
    )


def body_of(message: Message, now_ns: int) -> str:
    """Give the text: every alert with its id, so that one that comes twice is known by it."""
    return "\n\n".join(_lines(one, now_ns) for one in message.notices)


def _lines(notice: QueuedAlert, now_ns: int) -> str:
    text = notice.text if len(notice.text) <= _LONGEST_TEXT else f"{notice.text[: _LONGEST_TEXT - 3]}..."
    late = f", told {from_ns(now_ns):%H:%M:%S}" if now_ns - notice.seen_ns > _LATE_NS else ""
    when = f"{from_ns(notice.ts):%d-%b %H:%M:%S}"
    return f"{notice.code}: {text}\n{when} IST{late}, {notice.producer}, {notice.severity.value}\nid {notice.id}"
