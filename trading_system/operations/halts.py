"""What books may do, as risk last said, and what it makes of a command."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event as Signal
from time import monotonic
from typing import Final

from shared.errors import PipelineBehindError, WireError
from shared.events import Alert, Command, HaltChanged
from shared.events.topology import Topic, partition_of
from shared.streaming.protocol.client import BrokerClient
from shared.streaming.topic_reader import TopicReader

_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class HaltsInForce:
    """What risk said last of each book it has spoken of.

    Attributes:
        by_book: newest event of each book, in the order of their names.
        unreadable: entries that are no events of this version; a newer word of risk may be among them.
    """

    by_book: dict[str, HaltChanged]
    unreadable: int


def halts_in_force(client: BrokerClient) -> HaltsInForce:
    """Read the newest word about each book; BrokerUnavailableError when the broker does not answer."""
    found: dict[str, HaltChanged] = {}
    unreadable = 0
    history = client.history()
    for partition in range(client.partitions):
        for entry in history.backward(Topic.HALTS, partition):
            try:
                event = entry.event()
            except WireError:
                unreadable += 1
                continue
            if isinstance(event, HaltChanged):
                found.setdefault(event.header.book, event)
    return HaltsInForce(dict(sorted(found.items())), unreadable)


@dataclass(frozen=True, slots=True)
class RiskAnswer:
    """Risk's answer to a command.

    Attributes:
        alert: what it made of the command.
        halt: what the book may do now.
    """

    alert: Alert
    halt: HaltChanged


class AnswerOfRisk:
    """Sees risk's answer to one command; made before the command is published, so that no answer is missed.

    Risk tells of each command but SETTLE, which is the executor's, by an alert, committed together with the halt that
    follows from it. A command that changes nothing has an alert, too.

    Args:
        client: of the broker the command goes to.
        command: to be answered.
    """

    def __init__(self, client: BrokerClient, command: Command) -> None:
        self._history = client.history()
        self._book = command.header.book
        self._alert_id = command.header.child("risk").id
        self._command_id = command.header.id
        partition = partition_of(self._book, client.partitions)
        newest = self._history.newest(Topic.ALERTS, partition, 1)
        after = {partition: newest[0].position} if newest else {}
        self._alerts = TopicReader(self._history, Topic.ALERTS, (partition,), after)

    def wait(self, seconds: float) -> RiskAnswer:
        """Wait for the answer.

        Raises:
            PipelineBehindError: risk did not answer in time; the command stays where it is.
            BrokerUnavailableError: the broker does not answer.
            WireError: risk's newest word about the halt is of another version.
        """
        deadline, never = monotonic() + seconds, Signal()
        while True:
            for _, _, event in self._alerts.new():
                if isinstance(event, Alert) and event.header.id == self._alert_id:
                    halt = self._history.newest_of(HaltChanged, self._book)
                    if halt is not None:
                        return RiskAnswer(event, halt)
            if monotonic() > deadline:
                raise PipelineBehindError(
                    "risk",
                    f"expected risk's answer to {self._command_id} within {seconds:g} s, got none: the command stays in "
                    "the stream and counts as soon as risk takes it",
                )
            never.wait(_POLL_S)
