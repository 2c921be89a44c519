"""A trained ensemble as a folder that is named by its content and runs no code when read.

Files: `manifest.json`, trees in XGBoost's UBJSON, numbers in `arrays.npz` (no object arrays), and what a person may
want to read in `decision.json`. The manifest lists the SHA-256 of every file; the bundle's version is the hash of the
manifest, so two bundles of one version are one.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError, BundleError
from shared.ids import content_hash
from shared.models.conformal import ConformalSets
from shared.models.drift import DriftReference
from shared.models.ensemble import FOREST_SCALE, SIDES, Ensemble, LinearMember, SideEconomics, SideModel
from shared.models.recurrent import LstmWeights, SequenceModel
from shared.models.regime import RegimeModel
from shared.models.scaling import RobustScaler
from shared.models.stacking import MetaWeights
from shared.models.trees import TreeEnsemble

MANIFEST = "manifest.json"
FORMAT = 1

_HALF = 0.5
_ARRAYS = "arrays.npz"
_DECISION = "decision.json"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)

Arrays = dict[str, NDArray[np.float64] | NDArray[np.int64]]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle is and where it comes from.

    Attributes:
        format: of the folder.
        schema_id, features: feature schema it was trained on.
        dataset: content hash of the training samples.
        code: content hash of the learning code, so that two trainings can be told apart.
        seed: of everything random.
        trained_from, trained_until: event times of the first sample and of the last known label, ns.
        samples: it learned from.
        vectors_per_session: median.
        metrics: out-of-sample figures.
        files: SHA-256 by name.
    """

    format: int
    schema_id: str
    features: tuple[str, ...]
    dataset: str
    code: str
    seed: int
    trained_from: int
    trained_until: int
    samples: int
    vectors_per_session: float
    metrics: dict[str, float]
    files: dict[str, str] = {}

    @property
    def version(self) -> str:
        """Content hash that names the bundle."""
        return content_hash(msgspec.json.encode(self, order="sorted"))


class _Side(msgspec.Struct, frozen=True):
    meta_bias: float
    slope: float
    offset: float
    alpha: float
    pays_from: float
    fails_to: float
    mean_win: float
    mean_loss: float


def write_bundle(folder: Path, ensemble: Ensemble, manifest: Manifest) -> Manifest:
    """Write a bundle below `folder` under its version, atomically, and give the manifest with its file hashes.

    A bundle that is already there is left as it is: its content is the same.
    """
    contents: dict[str, bytes] = {_ARRAYS: _pack(_arrays_of(ensemble)), _DECISION: _decision_of(ensemble)}
    for name, side in zip(SIDES, ensemble.sides, strict=True):
        contents[f"forest_{name}.ubj"] = side.forest.save()
        contents[f"booster_{name}.ubj"] = side.booster.save()
    hashes = {name: sha256(content).hexdigest() for name, content in sorted(contents.items())}
    complete = msgspec.structs.replace(manifest, files=hashes)
    target = folder / complete.version
    if target.exists():
        return complete
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    try:
        for name, content in contents.items():
            _write_through(draft / name, content)
        _write_through(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(complete, order="sorted")))
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return complete


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of the bundle in folder `path` and check that the folder bears its hash.

    Raises:
        BundleError: there is none, it is not one, or it was changed.
    """
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise BundleError(f"expected a bundle in {path.name}, found no readable manifest: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise BundleError(f"manifest of bundle {path.name}: {error}") from error
    if manifest.format != FORMAT:
        raise BundleError(f"bundle {path.name}: expected format {FORMAT}, got {manifest.format}")
    if manifest.version != path.name:
        raise BundleError(f"bundle {path.name}: its manifest hashes to {manifest.version}, so it was changed")
    return manifest


def read_bundle(path: Path, schema_id: str | None = None) -> tuple[Ensemble, Manifest]:
    """Load the bundle in folder `path`.

    Args:
        path: folder of the bundle, named by its version.
        schema_id: what the reader's feature vectors follow; None takes any.

    Raises:
        BundleError: a file is missing or changed, or the features are others.
    """
    manifest = read_manifest(path)
    if schema_id is not None and manifest.schema_id != schema_id:
        raise BundleError(
            f"bundle {path.name}: expected feature schema {schema_id}, it was trained on {manifest.schema_id}"
        )
    contents: dict[str, bytes] = {}
    for name, expected in manifest.files.items():
        try:
            contents[name] = (path / name).read_bytes()
        except OSError as error:
            raise BundleError(f"bundle {path.name}: {name} cannot be read: {error.strerror}") from error
        if sha256(contents[name]).hexdigest() != expected:
            raise BundleError(f"bundle {path.name}: {name} does not have the hash its manifest names")
    try:
        return _assemble(contents, manifest), manifest
    except (KeyError, ValueError, BadInputError, msgspec.DecodeError, zipfile.BadZipFile) as error:
        raise BundleError(f"bundle {path.name} cannot be put together: {error}") from error


def _arrays_of(ensemble: Ensemble) -> Arrays:
    groups: dict[str, Arrays] = {
        "scaler": dict(ensemble.scaler.arrays()),
        "lstm_scaler": dict(ensemble.sequence.scaler.arrays()),
        "lstm": dict(ensemble.sequence.weights.arrays()),
        "linear": {"coefficients": ensemble.linear.coefficients, "intercept": ensemble.linear.intercept},
        "regimes": dict(ensemble.regimes.arrays()),
        "drift": dict(ensemble.drift.arrays()),
    }
    for name, side in zip(SIDES, ensemble.sides, strict=True):
        meta = side.meta
        groups[f"meta_{name}"] = {
            "weight": meta.weight,
            "regime_bias": meta.regime_bias,
            "regime_weight": meta.regime_weight,
            "mean_regime": meta.mean_regime,
        }
    return {f"{group}.{name}": array for group, arrays in groups.items() for name, array in arrays.items()}


def _decision_of(ensemble: Ensemble) -> bytes:
    sides = {
        name: _Side(
            meta_bias=side.meta.bias,
            slope=side.meta.slope,
            offset=side.meta.offset,
            alpha=side.conformal.alpha,
            pays_from=side.conformal.pays_from,
            fails_to=side.conformal.fails_to,
            mean_win=side.economics.mean_win,
            mean_loss=side.economics.mean_loss,
        )
        for name, side in zip(SIDES, ensemble.sides, strict=True)
    }
    return msgspec.json.format(msgspec.json.encode(sides, order="sorted"))


def _assemble(contents: dict[str, bytes], manifest: Manifest) -> Ensemble:
    arrays = _unpack(contents[_ARRAYS])
    decision = msgspec.json.decode(contents[_DECISION], type=dict[str, _Side])

    def group(name: str) -> dict[str, NDArray[np.float64]]:
        return {key.split(".", 1)[1]: array for key, array in arrays.items() if key.split(".", 1)[0] == name}

    def side(name: str) -> SideModel:
        words = decision[name]
        return SideModel(
            forest=TreeEnsemble.load(contents[f"forest_{name}.ubj"], scale=FOREST_SCALE, shift=_HALF),
            booster=TreeEnsemble.load(contents[f"booster_{name}.ubj"]),
            meta=MetaWeights(bias=words.meta_bias, slope=words.slope, offset=words.offset, **group(f"meta_{name}")),
            conformal=ConformalSets(words.alpha, words.pays_from, words.fails_to),
            economics=SideEconomics(words.mean_win, words.mean_loss),
        )

    lstm = group("lstm")
    drift = group("drift")
    put, call = (side(name) for name in SIDES)
    return Ensemble(
        version=manifest.version,
        schema_id=manifest.schema_id,
        features=manifest.features,
        trained_until=manifest.trained_until,
        vectors_per_session=manifest.vectors_per_session,
        scaler=RobustScaler(**group("scaler")),
        linear=LinearMember(**group("linear")),
        sequence=SequenceModel(
            RobustScaler(**group("lstm_scaler")),
            LstmWeights(
                inputs=lstm["inputs"],
                recurrent=lstm["recurrent"],
                bias=lstm["bias"],
                head=lstm["head"],
                head_bias=lstm["head_bias"],
                flagged=lstm["flagged"].astype(np.int64),
                length=int(lstm["length"][0]),
            ),
        ),
        regimes=RegimeModel(**group("regimes")),
        drift=DriftReference(drift["edges"], drift["share"], *(float(limit) for limit in drift["limits"])),
        sides=(put, call),
    )


def _pack(arrays: Arrays) -> bytes:
    """Write an npz whose bytes depend on its arrays alone: fixed stamps, sorted names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in sorted(arrays.items()):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _ZIP_EPOCH), member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, NDArray[np.float64]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
