"""Entries that no attempt could handle: look at them, put them back, or drop them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

from shared.events import DeadLetter


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter and where it lies.

    Attributes:
        reference: what `show`, `replay` and `drop` take: opaque.
        letter: what failed, and how.
    """

    reference: str
    letter: DeadLetter


class DeadLetters(Protocol):
    """The dead letters of a broker. A letter put back goes only to the group that failed on it."""

    def __iter__(self) -> Iterator[StoredLetter]:
        """Give all of them, oldest first per partition."""
        ...

    def show(self, reference: str) -> DeadLetter:
        """Give one letter; BadInputError when there is none of that name."""
        ...

    def replay(self, reference: str) -> str:
        """Put an entry back on its topic and take its letter away, in one step; give its new position.

        Raises:
            BadInputError: there is no such letter, or somebody replayed it just now.
        """
        ...

    def drop(self, reference: str) -> bool:
        """Delete a letter for good; tell whether it was there."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...

    def __enter__(self) -> Self:
        """Give itself."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        ...
