"""Topics and services: the one table of what is published, by whom, and who reads it.

Routing, consumer groups, trimming, rights on the broker, what the gateway and the recorder follow, and docs/topology.md
are derived from `TOPICS` and `SERVICES`. A new topic is a name in `Topic` and a row in `TOPICS`; a new process is a row
in `SERVICES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zlib import crc32

from shared import events


class Topic(StrEnum):
    """A kind of stream. One topic has as many streams as there are partitions."""

    CHAIN = "chain"
    FEATURES = "features"
    SIGNALS = "signals"
    ORDERS = "orders"
    FILLS = "fills"
    TRADES = "trades"
    BOOK = "book"
    INTENTS = "intents"
    OFFLINE = "offline"
    MODELS = "models"
    CONTROL = "control"
    HALTS = "halts"
    MODES = "modes"
    LIMITS = "limits"
    VENUE = "venue"
    ALERTS = "alerts"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One process of an installation, and its user on the broker.

    Attributes:
        name: of the service, its consumer group and its user.
        handles: whether it runs handlers on the engine: a consumer group with leases and checkpoints.
        decides: whether a lockstep replay waits for it before it publishes the next snapshot.
        publishes_as: producers whose memory of what is out it keeps, for what it publishes beside the engine.
        reads_all: whether it may look at every stream and every lease.
        paces: whether it waits for the deciding groups, and so may look at the streams that they handle.
        watches: whether it looks at the signs of life of all services.
        holds: whether a consumer group of its name keeps streams from being trimmed until it has read them.
    """

    name: str
    handles: bool = False
    decides: bool = False
    publishes_as: tuple[str, ...] = ()
    reads_all: bool = False
    paces: bool = False
    watches: bool = False
    holds: bool = False


@dataclass(frozen=True, slots=True)
class TopicRow:
    """One topic.

    Attributes:
        topic: its name.
        events: types of event on it.
        producers: services that write it.
        readers: services that handle it, each as a consumer group; never trimmed past one of them.
        followers: services that read it without a group and hold nothing back by reading.
        keep: finished entries that stay for people and dashboards; None: only people delete.
        key: field of the header that chooses the partition.
        refers: whether its events name the one event of an earlier lineage that they are about: an exit its entry, a fill
            its order, a trade its entry.
    """

    topic: Topic
    events: tuple[type[events.Event], ...]
    producers: tuple[str, ...]
    readers: tuple[str, ...] = ()
    followers: tuple[str, ...] = ("gateway", "recorder")
    keep: int | None = 10_000
    key: str = "book"
    refers: bool = False


SERVICES: Final = (
    ServiceRow("ingest", publishes_as=("ingest",), paces=True),
    ServiceRow("features", handles=True, decides=True),
    ServiceRow("predictor", handles=True, decides=True),
    ServiceRow("risk", handles=True, decides=True),
    ServiceRow("executor", handles=True, decides=True, publishes_as=("executor-side",)),
    ServiceRow("trainer", handles=True, publishes_as=("models",)),
    # It archives the others' states, and waits until the recorder has the day.
    ServiceRow("offline", publishes_as=("offline",), reads_all=True),
    ServiceRow("recorder", reads_all=True, holds=True),
    ServiceRow("alerts", publishes_as=("alerts",), watches=True),
    # The command line beside the gateway publishes as "cli" under the gateway's user.
    ServiceRow("gateway", publishes_as=("gateway", "cli"), reads_all=True),
)

_HANDLERS: Final = tuple(row.name for row in SERVICES if row.handles)

# Chains are some 50 times larger than other events, feature vectors take some 17 KB each. Signals and books stay
# longer: a simulation of many days reads them back at its end.
TOPICS: Final = (
    TopicRow(
        Topic.CHAIN,
        (events.ChainSnapshot, events.ClockTick, events.HistorySeeded),
        producers=("ingest", "offline"),
        readers=("features", "executor"),
        followers=("executor", "gateway", "recorder", "alerts"),
        keep=2_000,
    ),
    TopicRow(
        Topic.FEATURES,
        (events.FeatureVector,),
        producers=("features",),
        readers=("predictor",),
        followers=("recorder",),
        keep=2_000,
    ),
    TopicRow(Topic.SIGNALS, (events.Signal,), producers=("predictor",), readers=("risk",)),
    TopicRow(
        Topic.ORDERS,
        (events.Order, events.Denial),
        producers=("risk",),
        readers=("executor",),
        followers=("executor", "gateway", "recorder"),
        refers=True,
    ),
    TopicRow(
        Topic.FILLS,
        (events.Fill,),
        producers=("executor",),
        followers=("executor", "gateway", "recorder"),
        refers=True,
    ),
    TopicRow(
        Topic.TRADES,
        (events.Trade,),
        producers=("executor",),
        readers=("trainer",),
        followers=("executor", "gateway", "recorder"),
        refers=True,
    ),
    TopicRow(
        Topic.BOOK,
        (events.BookState,),
        producers=("executor",),
        readers=("risk",),
        followers=("gateway", "recorder", "alerts"),
    ),
    TopicRow(Topic.INTENTS, (events.Intent,), producers=("executor",), followers=("executor", "recorder")),
    TopicRow(
        Topic.OFFLINE,
        (events.OfflineRequested, events.OfflineFinished),
        producers=("trainer", "offline"),
        followers=("trainer", "offline", "recorder"),
    ),
    TopicRow(Topic.MODELS, (events.ModelPublished,), producers=("trainer",), readers=("predictor",)),
    TopicRow(
        Topic.CONTROL,
        (events.Command,),
        producers=("gateway", "executor"),
        readers=("risk", "executor"),
        followers=("executor", "gateway", "recorder"),
    ),
    TopicRow(
        Topic.HALTS,
        (events.HaltChanged,),
        producers=("risk",),
        followers=("executor", "gateway", "recorder", "alerts"),
    ),
    TopicRow(Topic.MODES, (events.ModeChanged, events.DayReported), producers=("offline",), keep=2_000),
    TopicRow(Topic.LIMITS, (events.LimitState,), producers=("risk",), keep=2_000),
    TopicRow(
        Topic.VENUE,
        (events.VenueState,),
        producers=("executor",),
        followers=("gateway", "recorder", "alerts"),
        keep=2_000,
    ),
    TopicRow(
        Topic.ALERTS,
        (events.Alert,),
        producers=("ingest", "offline", *_HANDLERS, "alerts"),
        followers=("gateway", "recorder", "alerts"),
    ),
    TopicRow(Topic.DEAD, (events.DeadLetter,), producers=_HANDLERS, keep=None),
)

TOPIC_OF: Final[Mapping[type[events.Event], Topic]] = MappingProxyType(
    {kind: row.topic for row in TOPICS for kind in row.events}
)
"""Where an event of a type is published."""

SERVICE_INPUTS: Final[Mapping[str, tuple[Topic, ...]]] = MappingProxyType(
    {name: tuple(row.topic for row in TOPICS if name in row.readers) for name in _HANDLERS}
)
"""Consumer groups and what each reads, in the order of the table. A group's name is its service's."""

DECISION_GROUPS: Final = tuple(row.name for row in SERVICES if row.decides)
"""Groups a lockstep replay waits for before it publishes the next snapshot."""

RETENTION: Final[Mapping[Topic, int]] = MappingProxyType(
    {row.topic: row.keep for row in TOPICS if row.keep is not None}
)
"""Finished entries that stay, by topic; a topic that is not here is never trimmed."""

_CONSUMERS: Final[Mapping[Topic, tuple[str, ...]]] = MappingProxyType(
    {topic: tuple(name for name in _HANDLERS if topic in SERVICE_INPUTS[name]) for topic in Topic}
)

DEFAULT_PARTITIONS: Final = 4


def consumers_of(topic: Topic) -> tuple[str, ...]:
    """Name the groups that read a topic; a stream is never trimmed past one of them."""
    return _CONSUMERS[topic]


def produced_by(service: str) -> tuple[Topic, ...]:
    """Name the topics that a service writes."""
    return tuple(row.topic for row in TOPICS if service in row.producers)


def followed_by(service: str) -> tuple[Topic, ...]:
    """Name the topics that a service reads without a consumer group."""
    return tuple(row.topic for row in TOPICS if service in row.followers)


def looked_at_by(row: ServiceRow) -> tuple[Topic, ...]:
    """Name the topics that a service may read without a consumer group, in the order of the table."""
    if row.reads_all:
        return tuple(Topic)
    paced = {topic for group in DECISION_GROUPS if row.paces for topic in SERVICE_INPUTS[group]}
    return tuple(topic for topic in Topic if topic in paced or topic in followed_by(row.name))


def partition_of(book: str, partitions: int) -> int:
    """Place a book: the same partition for all topics, so that all its streams share one slot."""
    return crc32(book.encode()) % partitions
