"""Replay of stored or captured chains in time order, whatever format they are in."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from services.ingest.formats.recognise import Recognised, looks_like_a_document, recognise
from services.ingest.formats.terms import Terms
from shared.errors import BadInputError
from shared.market.chain import BadCapture, DataVerdict, Parsed, bad_capture_of
from shared.store.store import Store

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CATALOGUES = frozenset({"index.csv"})


class Replay:
    """Chains and refusals in time order; can be iterated more than once.

    Args:
        source: what the captures are called in messages.
        files: recognised files.
        refused: what was found and could not be recognised.
        passed_over: documents beside the captures.
    """

    def __init__(
        self, source: str, files: Iterable[Recognised], refused: Iterable[BadCapture], passed_over: Iterable[Path] = ()
    ) -> None:
        self.source = source
        self.files = tuple(files)
        self.refused = tuple(refused)
        self.passed_over = tuple(passed_over)

    @property
    def len_hint(self) -> int:
        """Number of chains and refusals to come, as far as it is known without reading them; for progress bars."""
        return len(self.refused) + sum(max(file.moments, 1) for file in self.files)

    def __iter__(self) -> Iterator[Parsed]:
        """Give what could not be recognised first, then everything in the order of time."""
        yield from self.refused
        dated = sorted(
            (file for file in self.files if file.captured_ns is not None and file.moments == 1),
            key=lambda file: (file.captured_ns or 0, file.path.name),
        )
        rest = [file for file in self.files if file.captured_ns is None or file.moments != 1]
        streams = [_keyed(dated), *(_keyed([file]) for file in rest)]
        for _, _, item in heapq.merge(*(_numbered(stream, n) for n, stream in enumerate(streams))):
            yield item.value


class _Held:
    """An item that heapq never compares."""

    __slots__ = ("value",)

    def __init__(self, value: Parsed) -> None:
        self.value = value

    def __lt__(self, other: object) -> bool:
        return False


def _numbered(stream: Iterator[tuple[int, Parsed]], number: int) -> Iterator[tuple[int, int, _Held]]:
    # A stream's key never falls, so that a merge takes a late or repeated capture where it stood.
    newest = 0
    for key, item in stream:
        newest = max(newest, key)
        yield newest, number, _Held(item)


def _keyed(files: Iterable[Recognised]) -> Iterator[tuple[int, Parsed]]:
    for file in files:
        for item in read_file(file):
            stamp = item.stamp_ns
            yield (stamp if stamp is not None else file.captured_ns or 0), item


def read_file(file: Recognised) -> Iterator[Parsed]:
    """Read one file; what its reader raises becomes the last item."""
    if file.read is None:
        text = f"expected chains, got a reference table ({file.format}): import it to query it"
        yield BadCapture(verdict=DataVerdict.NOT_A_CHAIN, text=text, where=str(file.path))
        return
    try:
        yield from file.read()
    except BadInputError as error:
        yield bad_capture_of(error, str(file.path), file.captured_ns)


def open_replay(
    source: str | Path, *, store: Path | None = None, terms: Terms | None = None, book: str = "nifty"
) -> Replay | StoredReplay:
    """Open captures for replay.

    Args:
        source: a file, a folder (all files below it), or an ISO date that is looked up in the store.
        store: folder of the recorder.
        book: whose stored day.
        terms: dated tables for captures that leave out expiry or lot; the packaged ones when None.

    Raises:
        BadInputError: there is no such file or folder, nothing in it, or no such day in the store.
    """
    path = Path(source)
    if not path.exists():
        if _ISO_DAY.fullmatch(str(source)) and store is not None:
            return open_stored_days([str(source)], store, book)
        raise BadInputError("a file, a folder, or a day YYYY-MM-DD that the store holds", str(source), "replay")
    replay = recognise_all(str(source), list_files(path), terms or Terms.load())
    if not replay.files and not replay.refused:
        raise BadInputError("captures", f"{len(replay.passed_over)} documents", str(path))
    return replay


def recognise_all(source: str, paths: Iterable[Path], terms: Terms) -> Replay:
    """Recognise every file; documents and catalogues beside captures are passed over."""
    found: list[Recognised] = []
    refused: list[BadCapture] = []
    passed_over: list[Path] = []
    for one in paths:
        if one.name in _CATALOGUES or looks_like_a_document(one):
            passed_over.append(one)
            continue
        try:
            found.append(recognise(one, terms))
        except BadInputError as error:
            refused.append(bad_capture_of(error, str(one)))
    return Replay(source, found, refused, passed_over)


def list_files(path: Path) -> list[Path]:
    """Name the files of a source in order: itself, or all below it; hidden ones are left out."""
    if path.is_file():
        return [path]
    return sorted(
        one
        for one in path.rglob("*")
        if one.is_file() and not any(part.startswith(".") for part in one.relative_to(path).parts)
    )


class StoredReplay:
    """Recorded days of one book, chain after chain; can be iterated more than once."""

    def __init__(self, store: Store, book: str, days: Sequence[str]) -> None:
        self._store = store
        self._book = book
        self._days = tuple(days)
        held = {stored.day: stored.snapshots for stored in store.days(book)}
        self._count = sum(held.get(day, 0) for day in self._days)

    @property
    def len_hint(self) -> int:
        """Number of chains to come."""
        return self._count

    def __iter__(self) -> Iterator[Parsed]:
        """Give them in time order."""
        for day in self._days:
            yield from self._store.read_day(day, self._book)


def open_stored_days(days: Sequence[str], store: Path, book: str = "nifty") -> StoredReplay:
    """Open recorded days, in the order given.

    Raises:
        BadInputError: one of them is not stored.
    """
    house = Store(store)
    there = {stored.day for stored in house.days(book)}
    for day in days:
        if day not in there:
            newest = ", ".join(sorted(there)[-3:]) or "nothing"
            raise BadInputError(f"a stored day of {book} (newest: {newest})", day, str(store))
    return StoredReplay(house, book, days)
