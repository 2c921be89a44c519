"""Who owns what: the replicas of a service share its partitions by leases that expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.streaming.redis import scripts
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.connection import Arg
from shared.streaming.redis.keys import fence_key, lease_key, stream_key
from shared.streaming.redis.partition import OwnedPartition

MEMBERS_PARTITION: Final = 0
"""The partition whose server also keeps the registry of replicas."""


def members_key(group: str) -> str:
    """Name the registry of a service's replicas."""
    return stream_key(MEMBERS_PARTITION, f"members:{group}")


def fair_share(position: int, members: int, partitions: int) -> int:
    """Say how many partitions the member at `position` of the sorted registry is to own."""
    return partitions // members + (1 if position < partitions % members else 0)


class Leases:
    """The leases of one replica.

    Args:
        broker: where they are kept.
        group: service name.
        replica: this process, unlike any other that lives or lived.
        lease_ms: how long one lasts without renewal.
    """

    def __init__(self, broker: Broker, group: str, replica: str, lease_ms: int) -> None:
        self._broker = broker
        self._group = group
        self._replica = replica
        self._lease_ms = lease_ms

    def beat(self) -> tuple[str, ...]:
        """Show that this replica lives; name all that do, sorted."""
        connection = self._broker.shared(MEMBERS_PARTITION)
        names = scripts.run(connection, "members", [members_key(self._group)], [self._replica, self._lease_ms])
        return tuple(name.decode() for name in names)

    def leave(self) -> None:
        """Leave the registry, so that the others need not wait for it to expire."""
        self._broker.shared(MEMBERS_PARTITION).call("ZREM", members_key(self._group), self._replica)

    def acquire(self, partition: int) -> bytes | None:
        """Take a partition's lease; None when somebody holds it."""
        keys = [lease_key(partition, self._group), fence_key(partition, self._group)]
        value: bytes | None = scripts.run(
            self._broker.shared(partition), "acquire", keys, [self._replica, self._lease_ms]
        )
        return value

    def release(self, partition: OwnedPartition) -> None:
        """Give a lease back."""
        key = lease_key(partition.number, self._group)
        scripts.run(self._broker.shared(partition.number), "release", [key], [partition.lease])

    def tend(self, partition: OwnedPartition) -> int | None:
        """Renew a lease; give the number of entries pending, None when the lease is lost."""
        keys: Sequence[str] = [lease_key(partition.number, self._group), *partition.streams.values()]
        args: Sequence[Arg] = [partition.lease, self._lease_ms, self._group]
        pending = int(scripts.run(self._broker.shared(partition.number), "tend", keys, args))
        return None if pending < 0 else pending
