"""Takes the cut of a book while its pipeline is at rest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from shared.events.topology import SERVICE_INPUTS, partition_of
from shared.store.cuts import Cut, HandlerState, Wire
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.protocol.entry import order_of_position
from shared.streaming.protocol.reports import BrokerReport


def take_cut(client: BrokerClient, book: str, day: str, now_ns: int) -> Cut | None:
    """Read every handler's state and how far the topics have come; None while something is under way.

    1. See that no group has anything unread or uncommitted, and note the newest position of each topic.
    2. Read the checkpoints, and for a handler that does not checkpoint at every step the entries since.
    3. See that all of step 1 still holds. What changed nothing in between was one moment.

    Args:
        client: of the broker.
        book: whose states.
        day: ISO date of the session they are archived for.
        now_ns: ns UTC, kept for people.

    Raises:
        BrokerUnavailableError: the broker does not answer.
    """
    partition = partition_of(book, client.partitions)
    before = _at_rest(client.report(), partition)
    if before is None:
        return None
    handlers = tuple(_state(client, service, book, before) for service in SERVICE_INPUTS)
    if _at_rest(client.report(), partition) != before:
        return None
    return Cut(book=book, day=day, taken_ns=now_ns, positions=before, handlers=handlers)


def _at_rest(report: BrokerReport, partition: int) -> dict[str, str] | None:
    """Give the newest position by topic, None where a service still has something to do."""
    newest = {
        stream.topic: stream.last_id for stream in report.streams if stream.partition == partition and stream.last_id
    }
    done = {
        (group.group, group.topic)
        for group in report.groups
        if group.partition == partition and not group.lag and not group.pending
    }
    # A service that has not begun has no group, and everything still to do.
    unread = any(
        topic in newest and (service, topic) not in done
        for service, inputs in SERVICE_INPUTS.items()
        for topic in inputs
    )
    return None if unread else {topic.value: position for topic, position in newest.items()}


def _state(client: BrokerClient, service: str, book: str, positions: dict[str, str]) -> HandlerState:
    states = client.states()
    checkpoint, covered = states.checkpoint(service, book), states.covered(service, book)
    since = () if covered is None else tuple(_since(client, service, book, covered, positions))
    return HandlerState(service=service, checkpoint=checkpoint, since=since)


def _since(client: BrokerClient, service: str, book: str, covered: str, positions: dict[str, str]) -> Iterator[Wire]:
    (topic,) = SERVICE_INPUTS[service]  # only a service with one input leaves steps without a checkpoint
    newest = positions.get(topic.value)
    if newest is None:
        return
    last = order_of_position(newest)
    entries = client.history().forward(topic, partition_of(book, client.partitions), after=covered)
    for entry in takewhile(lambda one: one.order <= last, entries):
        if entry.event().header.book == book:
            yield tuple(part for pair in entry.fields.items() for part in pair)
