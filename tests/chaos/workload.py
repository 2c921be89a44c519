"""Services whose every output depends on everything they saw before: one event lost, doubled or out of order shows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from shared.events import Alert, ClockTick, Command, CommandKind, DeadLetter, Event, Header, ModelPublished, Severity
from shared.events.topology import TOPIC_OF, Topic
from shared.streaming.memory.engine import MemoryEngine
from shared.streaming.protocol.handler import Service

BOOKS = tuple(f"book{number}" for number in range(8))
PARTITIONS = 4
POISON_EVERY = 97
OUTPUT_TOPICS = (Topic.MODELS, Topic.CONTROL, Topic.ALERTS, Topic.DEAD)


class Chained:
    """Keeps a hash over all it saw, one per kind of event, and puts it into all it makes.

    Args:
        group: producer of its events.
        kind: what it makes.
    """

    def __init__(self, group: str, kind: type[Event]) -> None:
        self._group = group
        self._kind = kind
        self._seen: dict[str, str] = {}

    def handle(self, event: Event) -> Sequence[Event]:
        if self._group == "features" and event.header.seq % POISON_EVERY == POISON_EVERY - 1:
            raise ArithmeticError(f"poison in {event.header.id}")
        origin = type(event).__name__
        text = f"{self._seen.get(origin, '')}|{event.header.id}|{getattr(event, 'model_version', '')}"
        digest = blake2b(text.encode(), digest_size=12).hexdigest()
        self._seen[origin] = digest
        return [self._make(event, index, origin, digest) for index in range(int(digest[0], 16) % 3)]

    def _make(self, event: Event, index: int, origin: str, digest: str) -> Event:
        header = event.header.child(self._group, index)
        if self._kind is ModelPublished:
            return ModelPublished(
                header=header, model_version=digest, schema_id=origin, verdict="", role="", metrics={}, effective_ts=0
            )
        if self._kind is Command:
            return Command(header=header, kind=CommandKind.RESUME, operator=origin, reason=digest)
        return Alert(header=header, severity=Severity.INFO, code=origin, text=digest)

    def checkpoint(self) -> bytes:
        return json.dumps(self._seen).encode()

    def restore(self, state: bytes) -> None:
        self._seen = json.loads(state)


def services() -> dict[str, Service]:
    """Three services: one that folds again, one that feeds on it, one that joins two streams."""
    return {
        "features": Service("features", lambda _: Chained("features", ModelPublished), (Topic.CHAIN,), 40),
        "predictor": Service("predictor", lambda _: Chained("predictor", Command), (Topic.MODELS,), 1),
        "executor": Service("executor", lambda _: Chained("executor", Alert), (Topic.CHAIN, Topic.CONTROL), 1),
    }


def ticks(start: int, count: int) -> list[Event]:
    """Give market ticks number `start` on, taking books in turn."""
    return [
        ClockTick(
            header=Header.root(
                book=BOOKS[number % len(BOOKS)],
                ts=(number + 1) * 1_000_000_000,
                seq=number // len(BOOKS),
                producer="ingest",
                suffix="tick",
            )
        )
        for number in range(start, start + count)
    ]


def expected(events: Iterable[Event]) -> list[Event]:
    """Run the services without a broker; give all they make."""
    made: list[Event] = []
    MemoryEngine(tuple(services().values()), observer=made.append).publish(events)
    return [event for event in made if TOPIC_OF[type(event)] in OUTPUT_TOPICS]


def lanes(events: Iterable[Event]) -> dict[tuple[str, ...], list[str]]:
    """Sort events into lanes within which their order is promised: by topic, book, producer and origin."""
    by_lane: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for event in events:
        header = event.header
        origin = str(getattr(event, "code", ""))
        lane = (TOPIC_OF[type(event)].value, header.book, header.producer, origin)
        by_lane[lane].append(_content(event))
    return by_lane


def _content(event: Event) -> str:
    if isinstance(event, DeadLetter):
        # Where the entry lay is the broker's affair; what it held is not.
        return repr((event.header, event.topic, event.group, event.error, event.attempts, sorted(event.fields.items())))
    return repr(event)


def differences(want: Iterable[Event], got: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """Name each event that is `lost`, `doubled` (or made up) or out of `order`, with its content."""
    wanted, had = lanes(want), lanes(got)
    for lane in sorted(wanted.keys() | had.keys()):
        left, right = wanted.get(lane, []), had.get(lane, [])
        if left == right:
            continue
        missing, extra = list(left), []
        for content in right:
            if content in missing:
                missing.remove(content)
            else:
                extra.append(content)
        yield from (("lost", content) for content in missing)
        yield from (("doubled", content) for content in extra)
        if not missing and not extra:
            yield "order", " / ".join(lane)
