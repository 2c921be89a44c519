"""What an engine runs: a pure handler per book, and the description of the service it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from shared.errors import ConfigError
from shared.events import Event
from shared.events.topology import SERVICE_INPUTS, Topic


class Handler(Protocol):
    """The pure part of a service, for one book.

    No I/O, no clock, no randomness: the outputs follow from the events seen so far and from nothing else.
    An exception leaves the handler's state undefined; the engine restores it from its last checkpoint.
    """

    def handle(self, event: Event) -> Sequence[Event]:
        """Take one event and give the events that follow, in order. Their type decides their topic."""
        ...

    def checkpoint(self) -> bytes:
        """Give the whole state. `restore` of it continues exactly as if nothing had happened."""
        ...

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described.

        Raises:
            ValueError: the bytes are not a state of this handler's version.
        """
        ...


EventT = TypeVar("EventT", bound=Event)


class Newest(Protocol):
    """What the broker still has of a book."""

    def __call__(self, kind: type[EventT]) -> EventT | None:
        """Give the newest event of a type."""
        ...


@runtime_checkable
class Rebuilt(Protocol):
    """A handler whose state must not begin afresh unnoticed: it decides over money or over limits."""

    def rebuild(self, newest: Newest, why: str) -> None:
        """Begin where the checkpoint is gone: open nothing until an operator resumes, and tell of it with the next event.

        Args:
            newest: what the broker still has of the book.
            why: what is known of the loss.
        """
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """A consumer group and how to make its handlers.

    Attributes:
        name: group name, producer of its events.
        make: makes the handler of one book.
        inputs: topics it reads.
        checkpoint_every: events between stored checkpoints. What lies between is folded again on recovery, with
            outputs suppressed; several inputs have no stored order between them, so they need 1.
        max_attempts: tries before an event goes to the dead letters.
    """

    name: str
    make: Callable[[str], Handler]
    inputs: tuple[Topic, ...] = field(default=())
    checkpoint_every: int = 1
    max_attempts: int = 3

    def __post_init__(self) -> None:
        """Fill in the topology's inputs and refuse what could not be recovered exactly."""
        if not self.inputs:
            object.__setattr__(self, "inputs", SERVICE_INPUTS[self.name])
        if self.checkpoint_every < 1 or self.max_attempts < 1:
            raise ConfigError(
                f"service {self.name}: expected checkpoint_every and max_attempts of at least 1, "
                f"got {self.checkpoint_every} and {self.max_attempts}"
            )
        if self.checkpoint_every > 1 and len(self.inputs) > 1:
            raise ConfigError(
                f"service {self.name}: expected checkpoint_every 1 with several inputs, got {self.checkpoint_every}"
            )
