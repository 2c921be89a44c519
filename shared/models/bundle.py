"""A trained ensemble as a folder that is named by its content and holds no code.

Files: `manifest.json`, trees in XGBoost's UBJSON, numbers in `arrays.npz` (no object arrays), and what a person may
want to read in `decision.json`. The manifest lists the SHA-256 of every file; the bundle's version is the hash of the
manifest, so two bundles of one version are one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

import msgspec

from shared.errors import BadInputError, BundleError, PluginError
from shared.models.bundle_contents import contents_of, ensemble_of
from shared.models.ensemble import Ensemble
from shared.models.manifest import MANIFEST, Manifest, read_manifest
from shared.models.member_kinds import MemberKinds


def write_bundle(folder: Path, ensemble: Ensemble, manifest: Manifest) -> Manifest:
    """Write a bundle below `folder` under its version, atomically, and give the manifest with its file hashes.

    A bundle that is already there is left as it is: its content is the same.
    """
    contents = contents_of(ensemble)
    hashes = {name: sha256(content).hexdigest() for name, content in sorted(contents.items())}
    complete = msgspec.structs.replace(manifest, files=hashes, members=ensemble.added)
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


def read_bundle(
    path: Path, schema_id: str | None = None, kinds: MemberKinds | None = None
) -> tuple[Ensemble, Manifest]:
    """Load the bundle in folder `path`.

    Args:
        path: folder of the bundle, named by its version.
        schema_id: what the reader's feature vectors follow; None takes any.
        kinds: members it may name; None: those built in or installed.

    Raises:
        BundleError: a file is missing or changed, the features are others, or it names a member nobody knows.
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
        return ensemble_of(contents, manifest, kinds or MemberKinds()), manifest
    except PluginError as error:
        raise BundleError(f"bundle {path.name}: {error}") from error
    except (KeyError, ValueError, BadInputError, msgspec.DecodeError, zipfile.BadZipFile) as error:
        raise BundleError(f"bundle {path.name} cannot be put together: {error}") from error


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
