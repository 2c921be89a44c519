"""A bundle is named by its content, comes back as it was written, and is refused when anything about it is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from shared.errors import BundleError
from shared.models.bundle import read_bundle, write_bundle
from shared.models.inference import EnsembleSession
from shared.models.manifest import read_manifest


def copy_of(path: Path, folder: Path) -> Path:
    return shutil.copytree(path, folder / path.name)


def test_what_is_read_decides_as_what_was_written(bundle_path, learned_samples):
    first, manifest = read_bundle(bundle_path, learned_samples.schema_id)
    again, _ = read_bundle(bundle_path)
    assert manifest.version == bundle_path.name == first.version
    for row in range(50):
        ts, values = int(learned_samples.ts[row]), learned_samples.values[row]
        if row == 0:
            one, other = EnsembleSession(first), EnsembleSession(again)
        assert np.array_equal(one.predict(ts, values).log_odds, other.predict(ts, values).log_odds)


def test_writing_the_same_ensemble_again_gives_the_same_version(bundle_path, tmp_path):
    ensemble, manifest = read_bundle(bundle_path)
    written = write_bundle(tmp_path, ensemble, manifest)
    assert written.version == bundle_path.name
    assert write_bundle(tmp_path, ensemble, manifest) == written
    assert [path.name for path in tmp_path.iterdir()] == [bundle_path.name]


def test_no_file_is_a_pickle(bundle_path):
    with np.load(bundle_path / "arrays.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fi" for name in archive.files)
    assert {path.suffix for path in bundle_path.iterdir()} == {".json", ".npz", ".ubj"}


@pytest.mark.parametrize("name", ["arrays.npz", "decision.json", "forest_put.ubj", "booster_call.ubj", "manifest.json"])
def test_one_changed_byte_anywhere_is_found(bundle_path, tmp_path, name):
    broken = copy_of(bundle_path, tmp_path)
    content = bytearray((broken / name).read_bytes())
    content[len(content) // 2] ^= 1
    (broken / name).write_bytes(content)
    with pytest.raises(BundleError):
        read_bundle(broken)


def test_missing_file_wrong_name_and_missing_folder_are_found(bundle_path, tmp_path):
    broken = copy_of(bundle_path, tmp_path)
    (broken / "booster_put.ubj").unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        read_bundle(broken)
    renamed = bundle_path.parent / "somethingelse"
    with pytest.raises(BundleError, match="no readable manifest"):
        read_manifest(renamed)
    shutil.copytree(bundle_path, tmp_path / "0")
    with pytest.raises(BundleError, match="so it was changed"):
        read_manifest(tmp_path / "0")


def test_another_feature_schema_is_refused(bundle_path):
    with pytest.raises(BundleError, match="expected feature schema another"):
        read_bundle(bundle_path, "another")
