"""The engine without a broker: one process, in order, as fast as the CPU."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from shared.errors import ConfigError
from shared.events import Event
from shared.events.topology import TOPIC_OF, Topic
from shared.streaming.protocol.codec import encode
from shared.streaming.protocol.handler import Service
from shared.streaming.protocol.runner import HandlerRunner, dead_letter

_CHECKPOINT_EVERY = 256
"""Bounds what a failure has to fold again; nothing is stored."""


class MemoryEngine:
    """Runs services on events published to it, until nothing is left to do, one published event after the other.

    That is lockstep by nature: the next snapshot enters when all that followed from the last one is done.

    Args:
        services: in the order in which an event is offered to them.
        observer: sees every event, published and produced, in order.
    """

    def __init__(self, services: Sequence[Service], observer: Callable[[Event], None] | None = None) -> None:
        self._services = tuple(services)
        self._observer = observer
        self._slots: dict[tuple[str, str], HandlerRunner] = {}
        self._readers: dict[Topic, tuple[Service, ...]] = {
            topic: tuple(service for service in self._services if topic in service.inputs) for topic in Topic
        }
        self.counters: Counter[str] = Counter()

    def begin(self, service_name: str, book: str, state: bytes | None, since: Iterable[Event] = ()) -> None:
        """Let a handler go on from a stored state, with the events since then folded in and their outputs dropped.

        Raises:
            ConfigError: the engine runs no such service.
            ValueError: the state is not one of this version of the handler.
        """
        service = next((one for one in self._services if one.name == service_name), None)
        if service is None:
            known = ", ".join(one.name for one in self._services)
            raise ConfigError(f"expected a service of {known} to begin with, got {service_name!r}")
        slot = self._slots[service_name, book] = HandlerRunner(service, book)
        slot.load(state)
        for event in since:
            slot.catch_up(event)

    def publish(self, events: Iterable[Event]) -> None:
        """Take events in, one by one, each with everything that follows from it."""
        for event in events:
            queue = deque((event,))
            while queue:
                current = queue.popleft()
                if self._observer is not None:
                    self._observer(current)
                for service in self._readers[TOPIC_OF[type(current)]]:
                    queue.extend(self._handle(service, current))

    def _handle(self, service: Service, event: Event) -> Sequence[Event]:
        key = (service.name, event.header.book)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = HandlerRunner(service, event.header.book)
        outcome = slot.handle(event)
        self.counters["events"] += 1
        self.counters["retries"] += outcome.attempts - 1
        if slot.since_checkpoint >= _CHECKPOINT_EVERY:
            slot.checkpoint()
        if outcome.failure is None:
            return outcome.outputs
        self.counters["dead"] += 1
        wire = encode(event)
        fields = {wire[i].decode(): wire[i + 1].decode() for i in range(0, len(wire), 2)}
        return dead_letter(
            event.header,
            group=service.name,
            topic=TOPIC_OF[type(event)].value,
            entry_id="",
            error=outcome.failure,
            attempts=outcome.attempts,
            fields=fields,
        )
