"""Cuts: the state of every handler of a book at one moment, and how far each topic had come by then.

    <root>/cuts/book=<book>/date=<ISO day>/open.cut

Whoever restores the states and feeds what came on the topics after the positions goes on exactly as the services did.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from shared.errors import BadInputError, LayoutError
from shared.events import Event
from shared.events.topology import Topic
from shared.layouts import Layout
from shared.store.places import replace_synced
from shared.streaming.protocol.codec import decode
from shared.streaming.protocol.entry import Order, order_of_position

FOLDER: Final = "cuts"
_FILE: Final = "open.cut"
_BEFORE_ALL: Final[Order] = (0, 0)

Wire = tuple[bytes, ...]
"""An event as the broker holds it: names and values in turn."""


class HandlerState(msgspec.Struct, frozen=True, kw_only=True):
    """One handler.

    Attributes:
        service: whose.
        checkpoint: its newest one, None before its first.
        since: what it took after that, in order; its outputs were out.
    """

    service: str
    checkpoint: bytes | None
    since: tuple[Wire, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 in hex over checkpoint and events since."""
        found = sha256(self.checkpoint or b"")
        for wire in self.since:
            for part in wire:
                found.update(len(part).to_bytes(8, "big"))
                found.update(part)
        return found.hexdigest()

    def events(self) -> tuple[Event, ...]:
        """Decode what it took since; WireError when one is none of ours."""
        return tuple(decode(dict(zip(wire[::2], wire[1::2], strict=True))) for wire in self.since)


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A book at one moment, at rest.

    Attributes:
        day: ISO date of the session that follows, or runs.
        taken_ns: when, ns UTC.
        positions: of the newest entry of each topic that held one.
        handlers: of every service.
    """

    book: str
    day: str
    taken_ns: int
    positions: dict[str, str]
    handlers: tuple[HandlerState, ...]

    @property
    def digests(self) -> Mapping[str, str]:
        """Hash of each handler's state, by service."""
        return {one.service: one.digest for one in self.handlers}

    def is_after(self, topic: Topic, order: Order) -> bool:
        """Say whether an entry is not yet in these states."""
        position = self.positions.get(topic.value)
        return order > (_BEFORE_ALL if position is None else order_of_position(position))


_CUT: Final = Layout("store.cut", Cut, encoding="msgpack")


def cut_path(root: Path, book: str, day: str) -> Path:
    """Name the file of a day's cut."""
    return root / FOLDER / f"book={book}" / f"date={day}" / _FILE


def write_cut(root: Path, cut: Cut) -> Path:
    """Store a cut whole or not at all, in place of the day's last one; give its file."""
    place = cut_path(root, cut.book, cut.day)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".unfinished")
    unfinished.write_bytes(zlib.compress(_CUT.encode(cut)))
    replace_synced(unfinished, place)
    return place


def read_cut(root: Path, book: str, day: str) -> Cut:
    """Read a day's cut.

    Raises:
        BadInputError: there is none.
        LayoutError: it is damaged, or of a newer version.
    """
    place = cut_path(root, book, day)
    try:
        return _CUT.decode(zlib.decompress(place.read_bytes()))
    except FileNotFoundError as error:
        raise BadInputError("states archived before the day's open", "none", str(place)) from error
    except zlib.error as error:
        raise LayoutError(f"expected a cut in {place}, got {error}") from error
