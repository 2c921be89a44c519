"""Beats as fields of a hash per service, beside its registry."""

from __future__ import annotations

from typing import Final

from shared.errors import LayoutError
from shared.events.topology import SERVICES
from shared.streaming.protocol.beats import BEAT, Beat
from shared.streaming.redis.broker import Broker, decode_pairs
from shared.streaming.redis.keys import stream_key
from shared.streaming.redis.lease import MEMBERS_PARTITION

_TIDY_EVERY: Final = 60
_FORGOTTEN_NS: Final = 180 * 1_000_000_000


class RedisBeats:
    """Writes and reads beats; see `shared.streaming.protocol.beats`.

    Args:
        broker: connections of the calling thread.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._writes = 0

    def write(self, beat: Beat) -> None:
        """Put a beat in place of the process's last one; now and then clear away processes that are long gone."""
        connection, key = self._broker.shared(MEMBERS_PARTITION), _key(beat.service)
        if self._writes % _TIDY_EVERY == 0:
            for other in self._of(beat.service):
                if other.replica != beat.replica and other.written_ns < beat.written_ns - _FORGOTTEN_NS:
                    connection.call("HDEL", key, other.replica)
        self._writes += 1
        connection.call("HSET", key, beat.replica, BEAT.encode(beat))

    def remove(self, service: str, replica: str) -> None:
        """Take a process that ends well off the list."""
        self._broker.shared(MEMBERS_PARTITION).call("HDEL", _key(service), replica)

    def newest(self) -> tuple[Beat, ...]:
        """Give the newest beat of every process."""
        return tuple(beat for row in SERVICES for beat in self._of(row.name))

    def _of(self, service: str) -> list[Beat]:
        found: list[Beat] = []
        for raw in decode_pairs(self._broker.shared(MEMBERS_PARTITION).call("HGETALL", _key(service))).values():
            try:
                found.append(BEAT.decode(raw))
            except LayoutError:
                continue  # Of a version to come: whoever wrote it is watched by those who can read it.
        return found


def _key(service: str) -> str:
    return stream_key(MEMBERS_PARTITION, f"beat:{service}")
