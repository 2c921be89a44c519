"""Answers about the broker, the gateway itself and its lists, typed."""

from __future__ import annotations

from services.gateway.schemas.book import DayAnswer
from services.gateway.schemas.events import Answer, PositionAnswer, SignalAnswer, TradeAnswer
from services.gateway.schemas.operation import AlertAnswer, CommandAnswer


class EntryAnswer(Answer):
    """One entry of a stream. `event` is None where the entry could not be read, and `error` says why."""

    entry: str
    stream: str
    topic: str
    arrived_at: str
    id: str
    type: str
    at: str | None
    producer: str
    event: dict[str, object] | None
    error: str | None


class LineageAnswer(Answer):
    """Every event of one lineage, and the later events that name one of it (an exit, a fill, a trade)."""

    id: str
    root: str
    events: tuple[EntryAnswer, ...]
    mentions: tuple[EntryAnswer, ...]


class GroupAnswer(Answer):
    """One consumer group on one stream: what it has not read, what it has not finished, since when."""

    group: str
    lag: int
    pending: int
    oldest_pending_s: float | None
    last_delivered: str


class StreamAnswer(Answer):
    """One stream and its groups."""

    stream: str
    topic: str
    partition: int
    length: int
    last_entry: str
    last_event: str
    last_type: str
    last_at: str | None
    groups: tuple[GroupAnswer, ...]


class LeaseAnswer(Answer):
    """Which replica owns a partition of a service; `owner` None when nobody does."""

    group: str
    partition: int
    owner: str | None
    expires_s: float | None


class StreamsAnswer(Answer):
    """The broker at a moment; streams that hold nothing and have no group are left out."""

    looked_at: str
    streams: tuple[StreamAnswer, ...]
    leases: tuple[LeaseAnswer, ...]
    members: dict[str, tuple[str, ...]]
    dead: int


class PartitionReachedAnswer(Answer):
    """How far a service's work on a partition has got: its newest commit, and the event time of what it handled last."""

    partition: int
    last_step: str
    event_at: str | None


class ServiceAnswer(Answer):
    """One process of a service by its heartbeat; `reason` says why it does not work."""

    service: str
    replica: str
    works: bool
    reason: str
    last_beat_at: str
    partitions: tuple[PartitionReachedAnswer, ...]


class ReadyAnswer(Answer):
    """Whether the gateway shows the truth: broker reachable, every service at work, prices young enough.

    `silent` says of each service that does not work why, `books` has the words for each book.
    """

    ready: bool
    broker: str
    books: dict[str, str]
    silent: tuple[str, ...] = ()


class HealthAnswer(Answer):
    """Whether the process works at all."""

    live: bool
    text: str


class SignalsAnswer(Answer):
    """Decisions of the day, the newest first."""

    book: str
    signals: tuple[SignalAnswer, ...]


class TradesAnswer(Answer):
    """Trades and figures of the day, the newest first."""

    book: str
    day: DayAnswer
    trades: tuple[TradeAnswer, ...]


class PositionsAnswer(Answer):
    """Open positions."""

    book: str
    updated_at: str | None
    positions: tuple[PositionAnswer, ...]


class AlertsAnswer(Answer):
    """Alerts, the newest first."""

    book: str
    alerts: tuple[AlertAnswer, ...]


class CommandSent(Answer):
    """The commands that were put on the control topic, one a book."""

    commands: tuple[CommandAnswer, ...]
    books: tuple[str, ...]


class ErrorAnswer(Answer):
    """Why a request was refused."""

    detail: str
