"""Import of captures and reference files into the store: what was read, what was refused, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.ingest.formats.recognise import Recognised
from services.ingest.formats.terms import Terms
from services.ingest.handler import IngestHandler
from services.ingest.settings import IngestSettings
from services.ingest.sources.recorded.replay import Replay, list_files, recognise_all
from shared.errors import BadInputError
from shared.events import ChainSnapshot
from shared.market.chain import BadCapture, DataVerdict, Parsed, ParsedChain, SetAside, bad_capture_of
from shared.store.quarantine import put_aside
from shared.store.reference import put_reference
from shared.store.writer import StoreWriter

Progress = Callable[[int, int], None]
"""Told how many files or moments are done, of how many as far as is known."""

EXAMPLES = 3
MOST_KEPT_ASIDE = 10_000
"""Refusals and parts left out that one import writes down; the counts go on."""

_ALL_EXPIRIES = 64


@dataclass(slots=True)
class ImportReport:
    """What became of an import.

    Attributes:
        files: files looked at, documents included.
        passed_over: documents and catalogues beside captures.
        formats: files by format.
        chains: moments read.
        rows: strikes of those moments and rows of reference tables.
        stored: moments the store took.
        repeated: moments it had before.
        tables: rows stored per kind of reference table.
        refused: moments and files refused, by verdict.
        set_aside: figures, contracts, rows and expiries that were left out of what was read.
        examples: the first few refusals of each verdict.
        kept_aside: where the store keeps what was refused and left out, in words; None when there was nothing.
    """

    files: int = 0
    passed_over: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    chains: int = 0
    rows: int = 0
    stored: int = 0
    repeated: int = 0
    tables: Counter[str] = field(default_factory=Counter)
    refused: Counter[DataVerdict] = field(default_factory=Counter)
    set_aside: int = 0
    examples: dict[DataVerdict, list[BadCapture]] = field(default_factory=lambda: defaultdict(list))
    kept_aside: Path | None = None
    aside: list[BadCapture] = field(default_factory=list, repr=False)

    def refuse(self, refusal: BadCapture) -> None:
        """Count a refusal and keep it as an example while there are few."""
        self.refused[refusal.verdict] += 1
        self._keep(refusal)

    def set_part_aside(self, parts: SetAside, where: str, stamp_ns: int | None = None) -> None:
        """Count what was left out of something that was read, and keep what is told of it."""
        self.set_aside += parts.count
        for text in parts.examples:
            self._keep(BadCapture(verdict=DataVerdict.SET_ASIDE, text=text, where=where, stamp_ns=stamp_ns))

    def _keep(self, refusal: BadCapture) -> None:
        if len(self.examples[refusal.verdict]) < EXAMPLES:
            self.examples[refusal.verdict].append(refusal)
        if len(self.aside) < MOST_KEPT_ASIDE:
            self.aside.append(refusal)


def import_paths(
    paths: Sequence[str | Path],
    store: Path,
    progress: Progress | None = None,
    *,
    book: str = "nifty",
    underlying: str = "NIFTY",
    terms: Terms | None = None,
) -> ImportReport:
    """Read files and folders of any known format and store what passes the gates.

    Every moment goes through the gates of the live feed, in the order of time, so that the store holds nothing a
    replay would refuse. Importing the same files again stores nothing twice.

    Args:
        paths: files and folders.
        store: folder of the recorder.
        progress: told after every moment or file.
        book: whose chains they are.
        underlying: symbol of the book.
        terms: dated tables; the packaged ones when None.

    Raises:
        BadInputError: one of the paths does not exist, or there is no file at all.
    """
    found = [Path(path) for path in paths]
    for path in found:
        if not path.exists():
            raise BadInputError("an existing file or folder", str(path), "import")
    files = list(dict.fromkeys(one for path in found for one in list_files(path)))
    if not files:
        raise BadInputError("a file to import", [str(path) for path in found], "import")
    tables = terms or Terms.load()
    replay = recognise_all("import", files, tables)
    report = ImportReport(files=len(files), passed_over=len(replay.passed_over))
    report.formats.update(file.format for file in replay.files)
    chain_files = [file for file in replay.files if file.read is not None]
    total = len(replay.refused) + sum(max(file.moments, 1) for file in replay.files)
    done = _import_references(replay.files, store, report, progress, total)
    handler = IngestHandler(
        book, IngestSettings(underlying=underlying, max_expiries=_ALL_EXPIRIES), tables.calendar, tables.contracts
    )
    writer = StoreWriter(store, book)
    try:
        for item in Replay("import", chain_files, replay.refused):
            _import_item(item, handler, writer, report)
            done += 1
            if progress is not None:
                progress(done, max(total, done))
    finally:
        writer.close()
    report.stored, report.repeated = writer.stored, writer.repeated
    report.kept_aside = put_aside(store, report.aside)
    return report


def _import_item(item: Parsed, handler: IngestHandler, writer: StoreWriter, report: ImportReport) -> None:
    if isinstance(item, BadCapture):
        report.refuse(item)
        return
    report.chains += 1
    report.rows += sum(len(one.strikes) for one in item.expiries)
    report.set_part_aside(item.set_aside, item.source, item.stamp_ns)
    before = handler.refusals.copy()
    if any(isinstance(event, ChainSnapshot) for event in handler.accept(item)):
        writer.put_chain(item)
        return
    verdict = handler.refused_since(before)
    if verdict is not None:
        report.refuse(_as_refusal(item, verdict))


def _as_refusal(chain: ParsedChain, verdict: DataVerdict) -> BadCapture:
    return BadCapture(
        verdict=verdict, text=f"refused by the gate {verdict.value}", where=chain.source, stamp_ns=chain.stamp_ns
    )


def _import_references(
    files: Iterable[Recognised], store: Path, report: ImportReport, progress: Progress | None, total: int
) -> int:
    done = 0
    for file in files:
        if file.read_reference is None:
            continue
        try:
            reference = file.read_reference()
        except BadInputError as error:
            report.refuse(bad_capture_of(error, str(file.path)))
        else:
            put_reference(store, reference)
            report.rows += reference.table.num_rows
            report.tables[reference.kind] += reference.table.num_rows
            report.set_part_aside(reference.set_aside, str(file.path))
        done += 1
        if progress is not None:
            progress(done, max(total, done))
    return done
