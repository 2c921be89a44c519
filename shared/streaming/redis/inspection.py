"""What a broker holds, for people and dashboards: streams, groups, leases, replicas, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from shared.errors import BrokerReplyError
from shared.events.topology import DEFAULT_PARTITIONS, SERVICE_INPUTS, Topic
from shared.streaming.protocol.reports import BrokerReport, GroupReport, LeaseReport, StreamReport
from shared.streaming.redis import scripts
from shared.streaming.redis.broker import Broker
from shared.streaming.redis.connection import BrokerConnection, decode_pairs
from shared.streaming.redis.keys import fence_key, lease_key, stream_key
from shared.streaming.redis.lease import MEMBERS_PARTITION, members_key

_LAG_BOUND: Final = 10_000


def inspect_broker(broker: str, partitions: int = DEFAULT_PARTITIONS) -> BrokerReport:
    """Look at everything once, without disturbing anybody.

    Args:
        broker: URL, see `shared.streaming.redis.broker`.
        partitions: the same for every process of a deployment.

    Raises:
        BrokerUnavailableError: the broker does not answer.
    """
    with closing(Broker(broker)) as connection:
        return inspect_with(connection, partitions)


def inspect_with(broker: Broker, partitions: int) -> BrokerReport:
    """Look at everything once over connections that are there; errors as `inspect_broker`."""
    registry = broker.shared(MEMBERS_PARTITION)
    now = _time_ms(registry)
    streams: list[StreamReport] = []
    groups: list[GroupReport] = []
    leases: list[LeaseReport] = []
    dead: list[int] = []
    for partition in range(partitions):
        connection = broker.shared(partition)
        for topic in Topic:
            report = _stream(connection, topic, partition)
            streams.append(report)
            groups += _groups(connection, topic, partition, now)
            if topic is Topic.DEAD:
                dead.append(report.length)
        leases += [_lease(connection, group, partition) for group in SERVICE_INPUTS]
    members = {
        group: tuple(name.decode() for name in registry.call("ZRANGE", members_key(group), 0, -1))
        for group in SERVICE_INPUTS
    }
    return BrokerReport(now, tuple(streams), tuple(groups), tuple(leases), members, tuple(dead))


def _time_ms(connection: BrokerConnection) -> int:
    seconds, micros = connection.call("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


def _stream(connection: BrokerConnection, topic: Topic, partition: int) -> StreamReport:
    key = stream_key(partition, topic)
    newest = connection.call("XREVRANGE", key, "+", "-", "COUNT", 1)
    length = int(connection.call("XLEN", key))
    if not newest:
        return StreamReport(key, topic, partition, length, "", "", "", None)
    fields = decode_pairs(newest[0][1])
    ts = fields.get(b"ts", b"")
    return StreamReport(
        key,
        topic,
        partition,
        length,
        newest[0][0].decode(),
        fields.get(b"id", b"").decode(errors="replace"),
        fields.get(b"type", b"").decode(errors="replace"),
        int(ts) if ts.isdigit() else None,
    )


def _groups(connection: BrokerConnection, topic: Topic, partition: int, now: int) -> list[GroupReport]:
    key = stream_key(partition, topic)
    try:
        rows = [decode_pairs(row) for row in connection.call("XINFO", "GROUPS", key)]
    except BrokerReplyError:
        return []  # No such stream yet.
    return [_group(connection, row, topic, partition, now) for row in rows]


def _group(
    connection: BrokerConnection, row: Mapping[bytes, Any], topic: Topic, partition: int, now: int
) -> GroupReport:
    key = stream_key(partition, topic)
    name = row[b"name"].decode()
    pending = int(row[b"pending"])
    lag = row.get(b"lag")
    if lag is None:
        lag = int(scripts.look(connection, "lag", [key], [_LAG_BOUND, name])[1]) - pending
    oldest = None
    if pending:
        head = connection.call("XPENDING", key, name, "-", "+", 1)
        oldest = max(0, now - int(head[0][0].partition(b"-")[0])) if head else None
    return GroupReport(
        name, key, topic, partition, max(0, int(lag)), pending, oldest, row[b"last-delivered-id"].decode()
    )


def _lease(connection: BrokerConnection, group: str, partition: int) -> LeaseReport:
    value = connection.call("GET", lease_key(partition, group))
    expires = int(connection.call("PTTL", lease_key(partition, group)))
    token = int(connection.call("GET", fence_key(partition, group)) or 0)
    owner = None if value is None else value.decode().partition("|")[2]
    return LeaseReport(group, partition, owner, token, expires if owner is not None and expires >= 0 else None)
