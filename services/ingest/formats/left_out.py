"""What a reader leaves out of a capture while it takes the rest: counted, with the first few told."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import BadInputError
from shared.market.chain import SetAside

MOST_TOLD = 20


class LeftOut:
    """Collects the faults of one capture.

    A fault costs the smallest part that has it: a figure, a contract, a row, an expiry. Nothing is dropped without
    being counted here.
    """

    def __init__(self) -> None:
        self._count = 0
        self._told: list[str] = []

    def add(self, fault: BadInputError) -> None:
        """Count a fault; the first twenty are kept in words."""
        self._count += 1
        if len(self._told) < MOST_TOLD:
            self._told.append(str(fault))

    def require(self, kept: Sequence[object], what: str, where: str) -> None:
        """Raise BadInputError with the first fault when none of `what` was kept."""
        if not kept:
            raise BadInputError(f"at least one {what} that can be read", self._told[0] if self._told else "none", where)

    def total(self) -> SetAside:
        """Give the count and the words, for the chain or table they were left out of."""
        return SetAside(count=self._count, examples=tuple(self._told))
