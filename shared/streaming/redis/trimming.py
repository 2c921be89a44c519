"""Deleting old entries: only what every group has finished, except past a cap that is announced first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.events import Alert, Header, Severity
from shared.events.topology import RETENTION, SERVICE_INPUTS, Topic, consumers_of
from shared.streaming.protocol.codec import encode
from shared.streaming.redis import scripts
from shared.streaming.redis.connection import Arg, BrokerConnection
from shared.streaming.redis.keys import position_key, stream_key


@dataclass(frozen=True, slots=True)
class TrimPolicy:
    """How much a stream may hold.

    Attributes:
        keep: finished entries that stay for people and dashboards, by topic; the others are deleted by people only.
        cap: entries beyond which even unread ones go, after an alert and one more turn.
        turn_ms: between two turns on one stream, whoever takes them.
    """

    keep: Mapping[Topic, int] = field(default_factory=lambda: RETENTION)
    cap: int = 200_000
    turn_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What one turn did.

    Attributes:
        deleted: finished entries that went.
        unread: entries that went though a group had not finished them.
        length: of the stream now.
        slowest: group that holds the most back.
    """

    deleted: int
    unread: int
    length: int
    slowest: str


_DEFAULT: Final = TrimPolicy()


@dataclass(frozen=True, slots=True)
class Trimmer:
    """Trims the streams of the partitions a service works on.

    Attributes:
        groups: every group that reads a topic; one that does not exist yet holds everything back.
    """

    policy: TrimPolicy = _DEFAULT
    groups: Mapping[Topic, tuple[str, ...]] = field(
        default_factory=lambda: {topic: consumers_of(topic) for topic in Topic}
    )

    def trim(self, connection: BrokerConnection, topic: Topic, partition: int) -> Trimmed | None:
        """Take a turn on one stream; None when it is not time for one, or when only people delete there."""
        keep = self.policy.keep.get(topic)
        if keep is None:
            return None
        key = stream_key(partition, topic)
        folding = [group for group in self.groups.get(topic, ()) if len(SERVICE_INPUTS.get(group, (topic,))) == 1]
        keys = [
            key,
            stream_key(partition, "marks"),
            stream_key(partition, f"turn:{topic}"),
            *(position_key(partition, group) for group in folding),
        ]
        expected = " ".join(self.groups.get(topic, ()))
        args: list[Arg] = [topic.value, keep, self.policy.cap, self.policy.turn_ms, expected, *folding]
        answer = scripts.run(connection, "trim", keys, args)
        if answer is None:
            return None
        deleted, length, slowest, over, unread = answer
        result = Trimmed(int(deleted), int(unread), int(length), slowest.decode())
        if over:
            self._warn(connection, topic, partition, result)
        return result

    def _warn(self, connection: BrokerConnection, topic: Topic, partition: int, result: Trimmed) -> None:
        seconds, micros = connection.call("TIME")
        ts = int(seconds) * 1_000_000_000 + int(micros) * 1000
        stream = stream_key(partition, topic)
        verdict = (
            f"{result.unread} entries were deleted that {result.slowest or 'nobody'} had not finished"
            if result.unread
            else f"entries that {result.slowest or 'nobody'} has not finished will be deleted in {self.policy.turn_ms} ms"
        )
        alert = Alert(
            header=Header.root(book=f"partition{partition}", ts=ts, seq=0, producer="trimming", suffix=topic.value),
            severity=Severity.CRITICAL,
            code="stream_over_cap",
            text=f"{stream} holds {result.length} entries, expected at most {self.policy.cap}: {verdict}",
        )
        connection.call("XADD", stream_key(partition, Topic.ALERTS), "*", *encode(alert))
