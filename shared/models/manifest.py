"""What a bundle says of itself; the hash of it is the bundle's version."""

from __future__ import annotations

from pathlib import Path

import msgspec

from shared.errors import BundleError
from shared.ids import content_hash

FORMAT = 1
MANIFEST = "manifest.json"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
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
        members: beyond the built-in ones, by name, in order of the stacker's weights.
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
    members: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Content hash that names the bundle."""
        return content_hash(msgspec.json.encode(self, order="sorted"))


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
