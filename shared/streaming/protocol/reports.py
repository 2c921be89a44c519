"""What a broker holds, for people and dashboards: topics, groups, owners, replicas, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events.topology import Topic


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One partition of a topic.

    Attributes:
        stream: name that the engine's own tools know it by.
        length: entries it holds.
        last_id: position of the newest, empty without any.
        last_event: id of the newest event.
        last_type: its type.
        last_ts: its event time, ns UTC; None without one.
    """

    stream: str
    topic: Topic
    partition: int
    length: int
    last_id: str
    last_event: str
    last_type: str
    last_ts: int | None


@dataclass(frozen=True, slots=True)
class GroupReport:
    """One consumer group on one partition of a topic.

    Attributes:
        stream: name that the engine's own tools know the partition by.
        lag: entries not yet delivered to it; counted to 10,000 where the server does not know.
        pending: entries delivered and not committed.
        oldest_pending_ms: how long ago the oldest of them was published; None without any.
    """

    group: str
    stream: str
    topic: Topic
    partition: int
    lag: int
    pending: int
    oldest_pending_ms: int | None
    last_delivered: str


@dataclass(frozen=True, slots=True)
class LeaseReport:
    """Who owns a partition of a service.

    Attributes:
        owner: replica, None when nobody holds it.
        token: number of its owner, growing with every one; of the last one when nobody holds it.
        expires_ms: until it expires without renewal; None when nobody holds it.
    """

    group: str
    partition: int
    owner: str | None
    token: int
    expires_ms: int | None


@dataclass(frozen=True, slots=True)
class BrokerReport:
    """A broker at a moment.

    Attributes:
        time_ms: of the server that keeps the registry, ms since 1970 UTC.
        members: replicas alive, by service.
        dead: dead letters, by partition.
    """

    time_ms: int
    streams: tuple[StreamReport, ...]
    groups: tuple[GroupReport, ...]
    leases: tuple[LeaseReport, ...]
    members: Mapping[str, tuple[str, ...]]
    dead: tuple[int, ...]
