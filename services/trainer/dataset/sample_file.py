"""Training samples as one file: NumPy arrays without objects, so that reading it runs no code."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.samples import TrainingSamples
from shared.errors import BadInputError

_COLUMNS = ("ts", "day", "values", "net", "points", "known", "rule")


@dataclass(frozen=True, slots=True)
class SampleFile:
    """What such a file holds.

    Attributes:
        samples: the samples.
        counts: what became of the moments looked at, by name.
        spot: index at each vector, points, NaN where unknown, shape (n,).
    """

    samples: TrainingSamples
    counts: Mapping[str, int]
    spot: NDArray[np.float64]


def read_sample_file(path: Path) -> SampleFile:
    """Read a file of samples.

    Raises:
        BadInputError: it is not there or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in _COLUMNS}
            text = {name: str(archive[name]) for name in ("schema_id", "features", "counts")}
            spot = archive["spot"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadInputError("a file of training samples", f"{type(error).__name__}: {error}", str(path)) from error
    samples = TrainingSamples(text["schema_id"], tuple(text["features"].split("\n")), **columns)
    return SampleFile(samples, msgspec.json.decode(text["counts"], type=dict[str, int]), spot)


def write_sample_file(path: Path, file: SampleFile) -> None:
    """Write a file of samples, atomically; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    samples = file.samples
    np.savez_compressed(
        draft,
        allow_pickle=False,
        spot=file.spot,
        schema_id=np.array(samples.schema_id),
        features=np.array("\n".join(samples.features)),
        counts=np.array(msgspec.json.encode(dict(file.counts)).decode()),
        **{name: getattr(samples, name) for name in _COLUMNS},
    )
    draft.replace(path)
