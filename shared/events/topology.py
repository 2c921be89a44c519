"""Topics, who produces and who consumes them, and how they are laid on the broker."""

from __future__ import annotations

from enum import StrEnum
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
    ALERTS = "alerts"
    DEAD = "dead"


TOPIC_OF: dict[type[events.Event], Topic] = {
    events.ChainSnapshot: Topic.CHAIN,
    events.ClockTick: Topic.CHAIN,
    events.FeatureVector: Topic.FEATURES,
    events.Signal: Topic.SIGNALS,
    events.Order: Topic.ORDERS,
    events.Denial: Topic.ORDERS,
    events.Fill: Topic.FILLS,
    events.Trade: Topic.TRADES,
    events.BookState: Topic.BOOK,
    events.Intent: Topic.INTENTS,
    events.OfflineRequested: Topic.OFFLINE,
    events.OfflineFinished: Topic.OFFLINE,
    events.ModelPublished: Topic.MODELS,
    events.Command: Topic.CONTROL,
    events.HaltChanged: Topic.HALTS,
    events.Alert: Topic.ALERTS,
    events.DeadLetter: Topic.DEAD,
}

SERVICE_INPUTS: dict[str, tuple[Topic, ...]] = {
    "features": (Topic.CHAIN,),
    "predictor": (Topic.FEATURES, Topic.MODELS),
    "risk": (Topic.SIGNALS, Topic.BOOK, Topic.CONTROL),
    "executor": (Topic.CHAIN, Topic.ORDERS, Topic.CONTROL),
    "trainer": (Topic.TRADES,),
}
"""Consumer groups and what each reads. A group's name is its service's."""

DECISION_GROUPS: tuple[str, ...] = ("features", "predictor", "risk", "executor")
"""Groups a lockstep replay waits for before it publishes the next snapshot."""

DEFAULT_PARTITIONS = 4


def consumers_of(topic: Topic) -> tuple[str, ...]:
    """Name the groups that read a topic; a stream is never trimmed past one of them."""
    return tuple(group for group, inputs in SERVICE_INPUTS.items() if topic in inputs)


def partition_of(book: str, partitions: int) -> int:
    """Place a book: the same partition for all topics, so that all its streams share one slot."""
    return crc32(book.encode()) % partitions
