"""What a bundle says of itself; the hash of it is the bundle's version."""

from __future__ import annotations

import msgspec

from shared.ids import content_hash

FORMAT = 1


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
