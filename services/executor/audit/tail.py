"""Copies decisions, fills, operators' acts and halts from the streams into the audit log, each once, restarts included."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from services.executor.audit.log import AuditLog, read_audit, stamp_of
from services.executor.audit.operator_notes import FILE, notes_after
from shared import ids
from shared.events import (
    ChainSnapshot,
    Command,
    Denial,
    EntryContext,
    Event,
    Fill,
    HaltChanged,
    Intent,
    Order,
    Trade,
)
from shared.events.topology import Topic
from shared.streaming.protocol.codec import encode_json
from shared.streaming.protocol.reading import History
from shared.streaming.topic_reader import TopicReader

TOPICS: Final = (Topic.CONTROL, Topic.HALTS, Topic.ORDERS, Topic.INTENTS, Topic.FILLS, Topic.TRADES)
_NOTES: Final = ("operator", 0)
"""Where the operator's notes stand among the streams."""
_REMEMBERED_INPUTS: Final = 64
_FILES_LOOKED_AT: Final = 10


class AuditTail:
    """Follows the streams of the books served here.

    Args:
        log: where lines go.
        history: over connections of the calling thread.
        partitions: of the books.
        directory: of the log, whose newest lines say where to go on.
    """

    def __init__(self, log: AuditLog, history: History, partitions: Iterable[int], directory: Path) -> None:
        self._log = log
        where = sorted(partitions)
        reached = last_entries(directory)
        self._readers = [
            TopicReader(history, topic, where, {p: e for (t, p), e in reached.items() if t == topic.value})
            for topic in TOPICS
        ]
        self._chain = TopicReader(history, Topic.CHAIN, where)
        self._directory = directory
        if _NOTES not in reached and (directory / FILE).exists():
            # They are few and far between: the last one may stand in a file of months ago.
            reached = last_entries(directory, newest=None)
        self._noted = int(reached.get(_NOTES, "0"))
        self._inputs: OrderedDict[str, str] = OrderedDict()

    def follow(self) -> int:
        """Write what is new; give how many lines. BrokerUnavailableError as the readers."""
        for _, _, event in self._chain.new():
            if isinstance(event, ChainSnapshot):
                self._inputs[event.header.id] = ids.content_hash(encode_json(event))
                if len(self._inputs) > _REMEMBERED_INPUTS:
                    self._inputs.popitem(last=False)
        count = 0
        for reader in self._readers:
            for partition, entry_id, event in reader.new():
                at = {"topic": reader.topic.value, "partition": partition, "entry": entry_id}
                self._log.append(type(event).__name__.lower(), {**self._record(event), "at": at})
                count += 1
        return count + self._take_notes()

    def _take_notes(self) -> int:
        """Take what an operator did beside the streams into the chain; give how many lines."""
        before = self._noted
        for number, record in notes_after(self._directory, before):
            at = {"topic": _NOTES[0], "partition": _NOTES[1], "entry": str(number)}
            self._log.append("operator", {**record, "at": at})
            self._noted = number
        return self._noted - before

    def _record(self, event: Event) -> dict[str, Any]:
        header = event.header
        root = ids.lineage_root(header.id)
        return {
            "event_id": header.id,
            "book": header.book,
            "input": {"id": root, "hash": self._inputs.get(root, ""), **stamp_of(header.ts)},
            **_content(event),
        }


def last_entries(directory: Path, newest: int | None = _FILES_LOOKED_AT) -> dict[tuple[str, int], str]:
    """Give the newest audited entry id by topic and partition, out of all day files or of the newest few."""
    found: dict[tuple[str, int], str] = {}
    for line in read_audit(directory, newest=newest):
        at = line.get("at")
        if isinstance(at, dict):
            found[str(at["topic"]), int(at["partition"])] = str(at["entry"])
    return found


def _content(event: Event) -> dict[str, Any]:
    if isinstance(event, Order):
        return {
            "action": event.action.value,
            "contract": str(event.contract),
            "lots": event.lots,
            "limit": event.limit_price,
            "stop": event.stop_price,
            "target": event.target_price,
            "why": event.reason,
            **_context(event.entry),
        }
    if isinstance(event, Denial):
        return {"code": event.code.value, "why": event.text, "signal_id": event.signal_id}
    if isinstance(event, Fill):
        return {
            "order_id": event.order_id,
            "status": event.status.value,
            "action": event.action.value,
            "contract": str(event.contract),
            "price": event.price,
            "lots": event.lots,
            "why": event.text,
        }
    if isinstance(event, Trade):
        return {
            "order_id": event.entry_order_id,
            "contract": str(event.contract),
            "why": event.exit_reason.value,
            "net_pnl_paise": event.net_pnl_paise,
            **_context(event.entry),
        }
    if isinstance(event, Intent):
        return {"number": event.number, "targets": msgspec.to_builtins(event.targets), "halted": event.halted}
    return _of_operation(event)


def _of_operation(event: Event) -> dict[str, Any]:
    if isinstance(event, Command):
        return _operator_act(event)
    return _halt(event) if isinstance(event, HaltChanged) else {}


def _halt(event: HaltChanged) -> dict[str, Any]:
    return {
        "state": event.state.value,
        "since": stamp_of(event.since),
        "latches": [
            {"code": latch.code.value, "why": latch.text, "since": stamp_of(latch.since)} for latch in event.latches
        ],
        "command": None if event.command is None else event.command.value,
        "operator": event.operator,
        "why": event.reason,
    }


def _operator_act(event: Command) -> dict[str, Any]:
    return {
        "command": event.kind.value,
        "operator": event.operator,
        "why": event.reason,
        "limit": event.limit,
        "value": event.value,
        **({"source": event.source, "underlying": event.underlying, "day": event.day} if event.source else {}),
    }


def _context(entry: EntryContext | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {
        "signal_id": entry.signal_id,
        "confidence": entry.confidence,
        "regime": entry.regime,
        "mode": entry.mode.value,
        "model_version": entry.model_version,
        "schema_id": entry.schema_id,
    }
