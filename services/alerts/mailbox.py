"""What is to be told to whom and when: pure, with the present passed in.

An alert is taken once, by its id. It waits for each address of its severity by itself, until that address has taken it.
Every change is a record; folding the records again gives the same mailbox, so that what waits outlives the process.

    accept -> TakenIn      an alert came: for these addresses, or folded into an earlier one that says the same
    sent -> Delivered       an address took a message
    refused -> NotTaken      an address did not: it is tried again, first after `retry_s`, then after twice as long
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.alerts.records import Delivered, NotTaken, QueuedAlert, QueueRecord, TakenIn, TakenUpTo
from services.alerts.rules import HEARTBEAT, Rules
from shared.clock import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, from_ns
from shared.events import Severity

_MESSAGE_ALERTS: Final = 20
_CRITICAL_PAUSE_NS: Final = NS_PER_SECOND
_ALONE_FROM: Final = 2
_STUCK: Final = 3
_KEPT_NS: Final = 7 * NS_PER_DAY
_KEPT: Final = 5_000
_MOST: Final = 20_000
_LONGEST_DOUBLING: Final = 20


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to one address at once: alerts in the order in which they came."""

    address: str
    notices: tuple[QueuedAlert, ...]

    @property
    def severity(self) -> Severity:
        """The loudest of its alerts."""
        loud = {one.severity for one in self.notices}
        return next(one for one in (Severity.CRITICAL, Severity.WARNING, Severity.INFO) if one in loud)


@dataclass(slots=True)
class AddressState:
    """One address: what waits for it, by id in order of arrival, and how it fared."""

    waiting: dict[str, int] = field(default_factory=dict)
    """Attempts by id."""
    in_flight: bool = False
    failures: int = 0
    again_ns: int = 0
    last_sent_ns: int = 0
    last_critical_ns: int = 0
    room: float = 1.0
    room_ns: int = 0
    delivered: int = 0
    reason: str = ""


@dataclass(slots=True)
class RepeatedWords:
    """Alerts that say the same: since when, until when they are counted, and how many came."""

    first: QueuedAlert
    until_ns: int
    count: int = 0
    last: QueuedAlert | None = None


class Mailbox:
    """Takes alerts and says what is to be sent.

    Args:
        rules: of the installation.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.addresses: dict[str, AddressState] = {
            key: AddressState() for keys in (*rules.routes.values(), rules.heartbeat) for key in keys
        }
        self.notices: dict[str, QueuedAlert] = {}
        self.positions: dict[int, str] = {}
        self.folds: dict[tuple[str, ...], RepeatedWords] = {}
        self.dropped = 0
        """Alerts dropped while they waited, because too many did."""
        self._folded: set[str] = set()

    # --- the past -----------------------------------------------------------------------------------------------

    def fold(self, records: Iterable[QueueRecord]) -> None:
        """Become what the records say."""
        for record in records:
            self._apply(record)

    def _apply(self, record: QueueRecord) -> None:
        if isinstance(record, TakenIn):
            self._take(record)
        elif isinstance(record, Delivered):
            address = self.addresses.get(record.address)
            if address is not None:
                for one in record.ids:
                    address.waiting.pop(one, None)
                address.delivered += len(record.ids)
                address.failures, address.again_ns, address.reason = 0, 0, ""
                address.last_sent_ns = record.at_ns
        elif isinstance(record, NotTaken):
            address = self.addresses.get(record.address)
            if address is not None:
                address.failures, address.reason = record.failures, record.reason
        else:
            self.positions[record.partition] = record.entry

    def _take(self, record: TakenIn) -> None:
        notice = record.notice
        if notice.id in self.notices:
            return
        self.notices[notice.id] = notice
        key = _says(notice)
        if record.folded:
            self._folded.add(notice.id)
            fold = self.folds.get(key)
            if fold is not None:
                fold.count, fold.last = fold.count + 1, notice
        else:
            self.folds[key] = RepeatedWords(notice, notice.seen_ns + self._rules.dedupe_ns)
        for address in record.addresses:
            # An address that is no longer configured is nobody's; what waited for it goes to those that are.
            for known in (address,) if address in self.addresses else self._rules.route(notice):
                self.addresses[known].waiting.setdefault(notice.id, 0)

    # --- what comes ---------------------------------------------------------------------------------------------

    def accept(self, notice: QueuedAlert) -> QueueRecord | None:
        """Take an alert; None when its id is known."""
        if notice.id in self.notices:
            return None
        fold = self.folds.get(_says(notice))
        folded = fold is not None and notice.seen_ns < fold.until_ns
        record = TakenIn(notice=notice, addresses=() if folded else self._rules.route(notice), folded=folded)
        self._take(record)
        return record

    def reached(self, partition: int, entry: str) -> QueueRecord:
        """Note how far the alerts of a partition were taken."""
        self.positions[partition] = entry
        return TakenUpTo(partition=partition, entry=entry)

    def repeats(self, now_ns: int) -> list[QueuedAlert]:
        """Give an alert for each text that came again while it was not sent, once its time is over."""
        found: list[QueuedAlert] = []
        for key, fold in list(self.folds.items()):
            if now_ns < fold.until_ns:
                continue
            del self.folds[key]
            last = fold.last
            if last is not None:
                words = f"{fold.count} more since {from_ns(fold.first.seen_ns):%H:%M:%S}: {last.text}"
                found.append(
                    QueuedAlert(
                        id=f"{last.id}.repeats",
                        ts=last.ts,
                        seen_ns=now_ns,
                        book=last.book,
                        producer=last.producer,
                        severity=last.severity,
                        code=f"{last.code.removesuffix('_repeats')}_repeats",
                        text=words,
                    )
                )
        return found

    # --- what goes out ------------------------------------------------------------------------------------------

    def due(self, now_ns: int) -> list[Message]:
        """Give what may go out now, at most one message per address; each has to be answered before the next."""
        found: list[Message] = []
        quiet = self._rules.is_quiet(now_ns)
        for key, address in self.addresses.items():
            if address.in_flight or not address.waiting or now_ns < address.again_ns:
                continue
            chosen = self._choose(address, now_ns, quiet=quiet)
            if chosen:
                address.in_flight = True
                found.append(Message(key, tuple(chosen)))
        return found

    def _choose(self, address: AddressState, now_ns: int, *, quiet: bool) -> list[QueuedAlert]:
        """Choose critical alerts first, then the rest; of each those that were tried least, in order of arrival."""
        tried = address.waiting
        notices = [self.notices[one] for one in sorted(tried, key=tried.__getitem__)]
        loud = [one for one in notices if one.severity is Severity.CRITICAL]
        calm = [
            one for one in notices if one.severity is not Severity.CRITICAL and (not quiet or one.code == HEARTBEAT)
        ]
        # What an address refuses again and again must not hold back what it may take.
        stuck = bool(loud and calm) and tried[loud[0].id] > max(_STUCK, tried[calm[0].id])
        if loud and not stuck:
            if now_ns < address.last_critical_ns + _CRITICAL_PAUSE_NS:
                return []
            address.last_critical_ns = now_ns
            return loud[: self._at_once(address)]
        if not calm:
            return []
        gained = (now_ns - address.room_ns) / NS_PER_MINUTE * self._rules.per_minute
        address.room, address.room_ns = min(float(self._rules.per_minute), address.room + max(gained, 0.0)), now_ns
        if address.room < 1.0:
            return []
        address.room -= 1.0
        return calm[: self._at_once(address)]

    @staticmethod
    def _at_once(address: AddressState) -> int:
        # One alert that an address will not have must not hold the others up: after two refusals each goes alone.
        return _MESSAGE_ALERTS if address.failures < _ALONE_FROM else 1

    def sent(self, message: Message, now_ns: int) -> QueueRecord:
        """Note that an address took a message."""
        self.addresses[message.address].in_flight = False
        record = Delivered(ids=tuple(one.id for one in message.notices), address=message.address, at_ns=now_ns)
        self._apply(record)
        return record

    def refused(self, message: Message, now_ns: int, reason: str) -> QueueRecord:
        """Note that an address did not take a message; it is tried again after a pause that doubles."""
        address = self.addresses[message.address]
        address.in_flight = False
        for one in message.notices:
            if one.id in address.waiting:
                address.waiting[one.id] += 1
        pause = self._rules.retry_ns * 2 ** min(address.failures, _LONGEST_DOUBLING)
        record = NotTaken(address=message.address, failures=address.failures + 1, at_ns=now_ns, reason=reason)
        self._apply(record)
        address.again_ns = now_ns + min(pause, self._rules.retry_max_ns)
        return record

    # --- what is kept -------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Alerts that some address has not taken."""
        return len({one for address in self.addresses.values() for one in address.waiting})

    def forget(self, now_ns: int) -> None:
        """Drop alerts that everybody has and that are a week old, and the oldest of too many; one that waits comes last."""
        waiting = {one for address in self.addresses.values() for one in address.waiting}
        done = [one for one in self.notices if one not in waiting]
        spare = max(len(self.notices) - _KEPT, 0)
        for number, one in enumerate(done):
            if number < spare or self.notices[one].seen_ns < now_ns - _KEPT_NS:
                self._drop(one)
        in_flight = any(address.in_flight for address in self.addresses.values())
        if len(self.notices) > _MOST and not in_flight:
            for one in list(self.notices)[: len(self.notices) - _MOST]:
                self._drop(one)
                self.dropped += 1

    def _drop(self, one: str) -> None:
        del self.notices[one]
        self._folded.discard(one)
        for address in self.addresses.values():
            address.waiting.pop(one, None)

    def records(self) -> Sequence[QueueRecord]:
        """Give records that a new mailbox becomes this one by."""
        found: list[QueueRecord] = [
            TakenIn(
                notice=notice,
                addresses=tuple(key for key, address in self.addresses.items() if one in address.waiting),
                folded=one in self._folded,
            )
            for one, notice in self.notices.items()
        ]
        found += [
            NotTaken(address=key, failures=address.failures, at_ns=address.last_sent_ns, reason=address.reason)
            for key, address in self.addresses.items()
            if address.failures
        ]
        found += [
            Delivered(ids=(), address=key, at_ns=address.last_sent_ns)
            for key, address in self.addresses.items()
            if address.last_sent_ns and not address.failures
        ]
        found += [TakenUpTo(partition=partition, entry=entry) for partition, entry in self.positions.items()]
        return found


def _says(notice: QueuedAlert) -> tuple[str, ...]:
    """Tell what makes two alerts the same: all they say when critical, book and code otherwise, whose figures differ."""
    if notice.code == HEARTBEAT:
        return (notice.id,)
    if notice.severity is Severity.CRITICAL:
        return (notice.severity.value, notice.book, notice.code, notice.text)
    return (notice.severity.value, notice.book, notice.code)
