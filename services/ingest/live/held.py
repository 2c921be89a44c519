"""Which expiries the book holds, as its newest state on the broker says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from shared.errors import EngineError
from shared.events import BookState
from shared.observability.logging import get_logger
from shared.streaming.protocol.client import BrokerClient


class BookExpiries:
    """Gives the expiries of open positions; what was known last while the broker does not answer.

    Args:
        client: of the broker, for the calling thread.
        book: whose.
    """

    def __init__(self, client: BrokerClient, book: str) -> None:
        self._client = client
        self._book = book
        self._known: frozenset[date] = frozenset()
        self._log = get_logger("thetaflow.ingest.live")

    def __call__(self) -> Collection[date]:
        """Look now."""
        try:
            newest = self._client.history().newest_of(BookState, self._book)
        except EngineError as error:
            self._client.reset()
            self._log.warning("which expiries are held is as it was known last", error=str(error))
            return self._known
        if newest is not None:
            contracts = (leg.contract for position in newest.positions for leg in position.legs)
            self._known = frozenset(date.fromisoformat(contract.expiry) for contract in contracts)
        return self._known
