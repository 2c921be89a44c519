"""Training samples on disk, under the hash of everything they follow from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.predictor.strategies.registry import strategies
from services.trainer.dataset.sample_file import SampleFile, read_sample_file, write_sample_file
from services.trainer.dataset.samples import TrainingSamples
from shared.models.feature_schema import added_families
from shared.source_closure import source_hash
from trading_system.installation import InstallationSettings
from trading_system.offline.labelling import LabelCounts, LabelRules, judged_strategy

_BLOCK = 1 << 20
_PACKAGES = ("shared", "services", "trading_system")
_ENTRY = "trading_system.offline.labelling"
"""What makes samples, with all it imports: another way to learn needs no new ones."""


class CachedDays(msgspec.Struct, frozen=True):
    """Samples with what was counted while they were made, and the spot at each vector, NaN where unknown."""

    samples: TrainingSamples
    counts: LabelCounts
    spot: NDArray[np.float64]


def cache_key(house: InstallationSettings, rules: LabelRules, content: Mapping[str, object]) -> str:
    """Hash code, settings, rules and content (file hashes, or the arguments of a market with a known edge)."""
    digest = blake2b(digest_size=16)
    settings = {
        name: getattr(house, name).model_dump(mode="json") for name in ("ingest", "features", "risk", "executor")
    }
    threshold = house.predictor.model_dump(mode="json")
    strategy, families = judged_strategy(house), added_families()
    added = [families.fingerprint(reference) for reference in house.features.families]
    described = {
        "schema": house.schema().id,
        "plugins": [strategies().fingerprint(strategy), *added],
        "settings": settings,
        "rule": threshold,
        "labels": rules,
        "content": content,
        "positions": house.positions.by_day,
    }
    digest.update(msgspec.json.encode(described, order="sorted"))
    digest.update(source_hash((_ENTRY,), _PACKAGES).encode())
    return digest.hexdigest()


def file_hashes(paths: Iterable[Path]) -> dict[str, str]:
    """Hash files by content, keyed by name."""
    found = {}
    for path in paths:
        digest = blake2b(digest_size=16)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        found[str(path)] = digest.hexdigest()
    return found


def load_days(folder: Path, key: str) -> CachedDays | None:
    """Read cached samples, None when there are none under this key."""
    path = folder / f"{key}.npz"
    if not path.is_file():
        return None
    file = read_sample_file(path)
    return CachedDays(file.samples, msgspec.convert(file.counts, LabelCounts), file.spot)


def store_days(folder: Path, key: str, days: CachedDays) -> None:
    """Write samples under a key, atomically."""
    write_sample_file(folder / f"{key}.npz", SampleFile(days.samples, asdict(days.counts), days.spot))
