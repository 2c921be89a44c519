"""An ensemble as the files of its bundle, and back: numbers and trees, no code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError
from shared.models.conformal import ConformalSets
from shared.models.drift import DriftReference
from shared.models.ensemble import Ensemble, SideEconomics, SideModel, member_outputs
from shared.models.manifest import Manifest
from shared.models.member import SIDES, Arrays, FeatureFrame, ServedMember, VectorBatch
from shared.models.member_kinds import BUILT_IN, MemberKinds
from shared.models.regime import RegimeModel
from shared.models.scaling import RobustScaler
from shared.models.stacking import MetaWeights

_ARRAYS = "arrays.npz"
_DECISION = "decision.json"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_TREES = ("forest", "booster")
_ADDED = "member."
_PROBE = "probe."
_TOLERANCE = 1e-6


class _Side(msgspec.Struct, frozen=True):
    meta_bias: float
    slope: float
    offset: float
    alpha: float
    pays_from: float
    fails_to: float
    mean_win: float
    mean_loss: float


def contents_of(ensemble: Ensemble) -> dict[str, bytes]:
    """Give the files of a bundle by name; the same ensemble gives the same bytes.

    Raises:
        BadInputError: an added member gives no arrays of numbers, or fails when it is asked.
    """
    trees = {
        _tree_file(member.name, side): array.tobytes()
        for member in ensemble.members
        if member.name in _TREES
        for side, array in member.arrays().items()
    }
    return {_ARRAYS: _pack(_arrays_of(ensemble)), _DECISION: _decision_of(ensemble), **trees}


def ensemble_of(contents: Mapping[str, bytes], manifest: Manifest, kinds: MemberKinds) -> Ensemble:
    """Make the ensemble again.

    Args:
        contents: files of the bundle by name.
        manifest: what it says of itself.
        kinds: members it may name.

    Raises:
        PluginError: it names a member that is not registered.
        BadInputError: an added member cannot be made again, or does not say what it said when it was written.
        KeyError, ValueError, msgspec.DecodeError, zipfile.BadZipFile: the files do not hold what they should.
    """
    arrays = _unpack(contents[_ARRAYS])
    decision = msgspec.json.decode(contents[_DECISION], type=dict[str, _Side])

    def side(name: str) -> SideModel:
        words = decision[name]
        return SideModel(
            meta=MetaWeights(
                bias=words.meta_bias, slope=words.slope, offset=words.offset, **_below(f"meta_{name}.", arrays)
            ),
            conformal=ConformalSets(words.alpha, words.pays_from, words.fails_to),
            economics=SideEconomics(words.mean_win, words.mean_loss),
        )

    drift = _below("drift.", arrays)
    put, call = (side(name) for name in SIDES)
    scaler = RobustScaler(**_below("scaler.", arrays))
    frame = FeatureFrame(manifest.features, scaler)
    built_in = [kinds.get(name).load(_built_in(name, contents, arrays), frame) for name in BUILT_IN]
    added = [_added(name, arrays, frame, kinds) for name in manifest.members]
    return Ensemble(
        version=manifest.version,
        schema_id=manifest.schema_id,
        features=manifest.features,
        trained_until=manifest.trained_until,
        vectors_per_session=manifest.vectors_per_session,
        scaler=scaler,
        members=(*built_in, *added),
        regimes=RegimeModel(**_below("regimes.", arrays)),
        drift=DriftReference(drift["edges"], drift["share"], *(float(limit) for limit in drift["limits"])),
        sides=(put, call),
    )


def _arrays_of(ensemble: Ensemble) -> dict[str, NDArray[Any]]:
    groups: dict[str, Arrays] = {
        "scaler": ensemble.scaler.arrays(),
        "regimes": ensemble.regimes.arrays(),
        "drift": ensemble.drift.arrays(),
    }
    for name, side in zip(SIDES, ensemble.sides, strict=True):
        meta = side.meta
        groups[f"meta_{name}"] = {
            "weight": meta.weight,
            "regime_bias": meta.regime_bias,
            "regime_weight": meta.regime_weight,
            "mean_regime": meta.mean_regime,
        }
    found = {f"{group}.{name}": array for group, arrays in groups.items() for name, array in arrays.items()}
    for member in ensemble.members:
        if member.name in ensemble.added:
            found |= _stored(member, ensemble.scaler)
        elif member.name not in _TREES:
            # Of "lstm", "scaler.centre" is stored as "lstm_scaler.centre" and "inputs" as "lstm.inputs".
            found |= {
                f"{member.name}{'_' if '.' in name else '.'}{name}": array for name, array in member.arrays().items()
            }
    return found


def _stored(member: ServedMember, scaler: RobustScaler) -> dict[str, NDArray[Any]]:
    """Give the arrays of an added member, and what it says of a few vectors: its code lies outside the bundle."""
    arrays = {name: np.asarray(array) for name, array in member.arrays().items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            where = f"{name} of model member {member.name!r}"
            raise BadInputError("an array of numbers, marks or bytes", array.dtype, where)
    own = f"{_ADDED}{member.name}."
    said = member_outputs([member], _probe(scaler))[..., 0]
    return {f"{_PROBE}{member.name}": said, **{f"{own}{name}": array for name, array in arrays.items()}}


def _added(name: str, arrays: Arrays, frame: FeatureFrame, kinds: MemberKinds) -> ServedMember:
    kind, where = kinds.get(name), f"model member {name!r}"
    try:
        member = kind.load(_below(f"{_ADDED}{name}.", arrays), frame)
        known = (member.name, member.lookback >= 1)
    except Exception as error:
        raise BadInputError("a member to be made of its arrays", f"{type(error).__name__}: {error}", where) from error
    if known != (name, True):
        raise BadInputError("its name and a lookback of 1 or more", (member.name, member.lookback), where)
    said, now = arrays[f"{_PROBE}{name}"], member_outputs([member], _probe(frame.scaler))[..., 0]
    if not np.allclose(said, now, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise BadInputError("what it said when it was fitted", now.tolist(), f"{where}: its code is another")
    return member


def _probe(scaler: RobustScaler) -> VectorBatch:
    """Give a few vectors of one session: the medians, a spread above and below them, and one of which nothing is known."""
    steps = np.array([0.0, 1.0, -1.0, np.nan])
    vectors = scaler.centre + steps[:, None] * scaler.spread
    return VectorBatch(vectors, np.arange(steps.size), np.arange(steps.size) == 0)


def _built_in(name: str, contents: Mapping[str, bytes], arrays: Arrays) -> Arrays:
    if name in _TREES:
        return {side: np.frombuffer(contents[_tree_file(name, side)], np.uint8) for side in SIDES}
    inner = {f"scaler.{key}": array for key, array in _below(f"{name}_scaler.", arrays).items()}
    return {**inner, **_below(f"{name}.", arrays)}


def _tree_file(member: str, side: str) -> str:
    return f"{member}_{side}.ubj"


def _below(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


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


def _pack(arrays: Arrays) -> bytes:
    """Write an npz whose bytes depend on its arrays alone: fixed stamps, sorted names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in sorted(arrays.items()):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _ZIP_EPOCH), member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
