"""Holds what a restart finds against what the broker holds, and tells of every difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.executor.book.state import STATE
from services.executor.event_queue import EventQueue
from services.executor.venues.differences import differences
from services.executor.venues.write import Write
from shared.errors import BrokerReplyError, BrokerUnavailableError
from shared.events import BookState, Intent, Severity
from shared.observability.logging import get_logger
from shared.streaming.protocol.client import BrokerClient

_LOG: Final = get_logger("thetaflow.executor.recovery")


def tell_faults(client: BrokerClient, event_queue: EventQueue) -> None:
    """Alert on what may make the broker lose the book.

    Args:
        client: of the broker.
        event_queue: takes the alerts.
    """
    try:
        faults = client.faults()
    except (BrokerUnavailableError, BrokerReplyError) as error:
        _LOG.warning("the broker does not say whether it keeps what it is given", error=str(error))
        client.reset()
        return
    for fault in faults:
        event_queue.alert(Severity.CRITICAL, "broker_unsafe", f"the broker may lose the book: {fault}")


def tell_differences(client: BrokerClient, book: str, held: Mapping[int, Write], event_queue: EventQueue) -> None:
    """Alert on everything that does not agree; without a broker there is nothing to compare with yet.

    Args:
        client: of the broker.
        book: which.
        held: newest write per venue variable of the outbox.
        event_queue: takes the alerts.
    """
    history = client.history()
    try:
        raw = client.states().checkpoint("executor", book)
        state = None if raw is None else STATE.decode(raw)
        last_book = history.newest_of(BookState, book)
        intent = history.newest_of(Intent, book)
    except (BrokerUnavailableError, BrokerReplyError) as error:
        _LOG.warning("nothing to compare with", error=str(error))
        client.reset()
        return
    for text in differences(state, last_book, intent, held):
        event_queue.alert(Severity.CRITICAL, "recovery_difference", text)
