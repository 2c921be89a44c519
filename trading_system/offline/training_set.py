"""Training sets: days through features, choice of strike and rules of trading, kept in the cache under what they follow from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from services.ingest.sources.recorded.replay import Replay, StoredReplay, open_replay
from services.trainer.dataset.samples import join_samples
from shared.errors import NoTrainingDataError
from shared.market.chain import Parsed, ParsedChain
from shared.store.store import Store
from trading_system.installation import InstallationSettings
from trading_system.offline.known_edge import KnownEdgeMarket
from trading_system.offline.labelling import LabelCounts, LabelRules, collect_days
from trading_system.offline.sample_cache import CachedDays, cache_key, file_hashes, load_days, store_days

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all (0: unknown)."""

SAMPLES = "samples"
"""Folder of the cache below that of the models."""
_LABELS_A_SESSION = 125
_MINUTES_A_SESSION = 375


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Samples and where they are.

    Attributes:
        days: samples with what was counted while they were made.
        path: of their file below the folder of the models.
        source: what they were made of, for people.
    """

    days: CachedDays
    path: str
    source: str


def stored_days(store: Path) -> list[str]:
    """Name every exchange date a store holds, ISO, ascending."""
    return sorted({stored.day for stored in Store(store).days()})


def generated_set(
    made: KnownEdgeMarket, models: Path, house: InstallationSettings, progress: Progress, *, every: int | None = None
) -> TrainingSet:
    """Make samples of a market with a known edge.

    Args:
        made: the market.
        models: folder the cache lies in.
        house: tables and settings.
        progress: told of each step.
        every: only every so-many-th vector gets a label; None: about 125 a session.
    """
    rules = LabelRules(every=every or max(_MINUTES_A_SESSION // _LABELS_A_SESSION, 1))
    # Positions are held as long as the edge lasts: that is the question whose best answer is known.
    held = replace(house, risk=house.risk.model_copy(update={"max_holding_minutes": float(made.edge.horizon)}))
    items = _watched(made.chains(house.calendar, house.contracts), made.days * _MINUTES_A_SESSION, progress)
    key = cache_key(held, rules, made.content)
    return TrainingSet(_collected(items, models / SAMPLES, key, held, rules), _place(key), str(made))


def recorded_set(
    sources: Sequence[str | Path],
    store: Path | None,
    models: Path,
    house: InstallationSettings,
    progress: Progress,
    *,
    every: int | None = None,
) -> TrainingSet:
    """Make samples of recorded days.

    Args:
        sources: files, folders, or ISO dates of the store, in any order.
        store: folder of the recorded days.
        models: folder the cache lies in.
        house: tables and settings.
        progress: told of each step.
        every: only every so-many-th vector gets a label; None: every one.

    Raises:
        NoTrainingDataError: there is nothing to learn from.
        BadInputError: a source is not there or cannot be read.
    """
    if not sources:
        raise NoTrainingDataError(
            "expected days to learn from: stored dates, a path, or a market with a known edge; got none"
        )
    replays = sorted((open_replay(source, store=store) for source in sources), key=_first_stamp)
    paths = [path for replay in replays for path in _files_of(replay, sources, store)]
    total = sum(replay.len_hint for replay in replays)
    rules = LabelRules(every=every or 1)
    content = {"order": [str(path) for path in paths], "files": file_hashes(paths)}
    key = cache_key(house, rules, content)
    items = _watched((item for replay in replays for item in replay), total, progress)
    words = ", ".join(str(Path(str(source)).name) for source in sources)
    return TrainingSet(_collected(items, models / SAMPLES, key, house, rules), _place(key), words)


def _place(key: str) -> str:
    return f"{SAMPLES}/{key}.npz"


def _first_stamp(replay: Replay | StoredReplay) -> int:
    """Give the event time a source begins at: time must not go back from one source to the next."""
    return next((item.stamp_ns for item in replay if item.stamp_ns is not None), 0)


def _files_of(replay: Replay | StoredReplay, sources: Sequence[str | Path], store: Path | None) -> list[Path]:
    """Give the files a source is made of, whose content names the samples."""
    if isinstance(replay, Replay):
        return [file.path for file in replay.files]
    days = [str(source) for source in sources]
    held = store.rglob("*") if store is not None else ()
    return [path for path in held if path.is_file() and any(day in str(path) for day in days)]


def _collected(
    items: Iterable[Parsed], folder: Path, key: str, house: InstallationSettings, rules: LabelRules
) -> CachedDays:
    cached = load_days(folder, key)
    if cached is not None:
        return cached
    counts = LabelCounts()
    spots: dict[int, float] = {}

    def noting() -> Iterator[Parsed]:
        for item in items:
            if isinstance(item, ParsedChain) and item.spot is not None:
                spots[item.stamp_ns] = item.spot
            yield item

    parts = list(collect_days(noting(), house, rules, counts))
    if not parts:
        raise NoTrainingDataError("expected at least one accepted chain to learn from, got none")
    samples = join_samples(parts)
    spot = np.array([spots.get(int(ts), np.nan) for ts in samples.ts])
    found = CachedDays(samples, counts, spot)
    store_days(folder, key, found)
    return found


def _watched(items: Iterable[Parsed], total: int, progress: Progress) -> Iterator[Parsed]:
    for number, item in enumerate(items):
        if number % 50 == 0:
            progress("features and labels", number, total)
        yield item
