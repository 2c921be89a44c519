"""What a registry of models says: which bundle decides, which one shadows it, and every verdict.

models/
  bundles/<version>/   content-addressed, never changed
  champion             version that decides, replaced atomically
  challenger           version that only shadows
  history.jsonl        every verdict, promotion and rollback, one line each

Reading it takes no library that runs models, so that a process that only watches the registry carries none of them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from shared.errors import BundleError
from shared.models.manifest import Manifest, read_manifest


class Role(StrEnum):
    """What a bundle is used for."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


class Act(StrEnum):
    """What happened to a bundle."""

    SAVED = "saved"
    REFUSED = "refused"
    SHADOWS = "shadows"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


class RegistryEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the history.

    Attributes:
        ts: when, ns UTC, as the caller's clock gives it.
        act: what was done.
        version: to which bundle.
        replaced: champion before it, where that changed.
        operator: who or what decided.
        reasons: in words.
    """

    ts: int
    act: Act
    version: str
    operator: str
    reasons: tuple[str, ...]
    replaced: str | None = None


class RegistryState:
    """Pointers, verdicts and manifests of one registry, read.

    Args:
        root: folder; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bundles = root / "bundles"

    def champion(self) -> str | None:
        """Version that decides, None when there is none."""
        return self._pointer(Role.CHAMPION)

    def challenger(self) -> str | None:
        """Version that shadows, None when there is none."""
        return self._pointer(Role.CHALLENGER)

    def manifest(self, version: str) -> Manifest:
        """Give what a bundle is and where it comes from; BundleError when it is not there or was changed."""
        return read_manifest(self._path(version))

    def history(self) -> list[RegistryEntry]:
        """Give every verdict in the order it was written; a torn last line is left out."""
        path = self._root / "history.jsonl"
        if not path.exists():
            return []
        entries = []
        for line in path.read_bytes().splitlines():
            try:
                entries.append(msgspec.json.decode(line, type=RegistryEntry))
            except msgspec.DecodeError:
                continue
        return entries

    def _path(self, version: str) -> Path:
        if not version or any(sign in version for sign in "/\\."):
            raise BundleError(f"expected a bundle version, got {version!r}")
        return self._bundles / version

    def _pointer(self, role: Role) -> str | None:
        try:
            return (self._root / role.value).read_text().strip() or None
        except FileNotFoundError:
            return None
