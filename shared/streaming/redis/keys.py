"""Names of what a service keeps on the broker beside its streams."""

from __future__ import annotations

from typing import Final

CONSUMER: Final = "owner"
"""The one consumer of every group. Who may use it is settled by the lease, so a new owner finds all that is pending."""


def stream_key(partition: int, topic: str) -> str:
    """Name a stream. The partition is the hash tag, so a cluster keeps a partition's keys together."""
    return f"{{{partition}}}:{topic}"


def lease_key(partition: int, group: str) -> str:
    """Name the lease of a partition."""
    return stream_key(partition, f"lease:{group}")


def fence_key(partition: int, group: str) -> str:
    """Name the counter of owners of a partition."""
    return stream_key(partition, f"fence:{group}")


def state_key(partition: int, group: str) -> str:
    """Name the hash of checkpoints by book."""
    return stream_key(partition, f"state:{group}")


def position_key(partition: int, group: str) -> str:
    """Name the hash of positions: last committed id by topic, id each book's checkpoint covers, floor of the rest."""
    return stream_key(partition, f"position:{group}")


_COVERED: Final = "book:"
_SERVED: Final = "serves:"


def covered_field(book: str) -> str:
    """Name the field of that hash with the id that a book's checkpoint covers."""
    return f"{_COVERED}{book}"


def served_field(book: str) -> str:
    """Name the field of that hash that says since which id a book is served here: it has a checkpoint from then on."""
    return f"{_SERVED}{book}"


def served_book(field: str) -> str | None:
    """Give the book whose checkpoint there must be by a field of that hash; None for any other field."""
    for prefix in (_SERVED, _COVERED):
        if field.startswith(prefix):
            return field.removeprefix(prefix)
    return None
