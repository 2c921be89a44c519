"""The registry of models as those use it who load, save and promote: its folder is described in `registry_state`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.errors import BundleError
from shared.models.bundle import read_bundle, write_bundle
from shared.models.ensemble import Ensemble
from shared.models.manifest import Manifest, read_manifest
from shared.models.member_kinds import MemberKinds
from shared.models.registry_state import Act, RegistryEntry, RegistryState, Role


class ListedModel(msgspec.Struct, frozen=True):
    """A bundle as the list shows it; `problem` says why it cannot be used."""

    version: str
    role: Role | None
    manifest: Manifest | None
    verdict: RegistryEntry | None
    problem: str = ""


class ModelRegistry(RegistryState):
    """Bundles of one installation.

    Args:
        root: folder; made when the first bundle is saved.
        kinds: members that its bundles may name; None: those built in or installed.
    """

    def __init__(self, root: Path, kinds: MemberKinds | None = None) -> None:
        super().__init__(root)
        self._kinds = kinds

    def save(self, ensemble: Ensemble, manifest: Manifest, *, ts: int, operator: str = "trainer") -> Manifest:
        """Store a bundle and note it; it neither decides nor shadows yet."""
        complete = write_bundle(self._bundles, ensemble, manifest)
        self._note(RegistryEntry(ts, Act.SAVED, complete.version, operator, ()))
        return complete

    def load(self, version: str, schema_id: str | None = None) -> tuple[Ensemble, Manifest]:
        """Load one bundle, every file checked; BundleError when it cannot be used."""
        return read_bundle(self._path(version), schema_id, self._kinds)

    def load_champion(self, schema_id: str | None = None) -> tuple[Ensemble, Manifest] | None:
        """Load the bundle that decides, None when there is none.

        A champion that cannot be used gives way to the newest former one that can: the last good one stays.

        Raises:
            BundleError: there was a champion, and neither it nor any before it can be used.
        """
        problems: list[str] = []
        for version in self._champions():
            try:
                return self.load(version, schema_id)
            except BundleError as error:
                problems.append(str(error))
        if problems:
            raise BundleError(f"expected a usable champion, got: {'; '.join(problems)}")
        return None

    def refuse(self, version: str, reasons: Sequence[str], *, ts: int, operator: str = "trainer") -> None:
        """Write down why a bundle does not decide."""
        self._note(RegistryEntry(ts, Act.REFUSED, version, operator, tuple(reasons)))

    def shadow(self, version: str, reasons: Sequence[str], *, ts: int, operator: str = "trainer") -> None:
        """Let a bundle shadow the champion; BundleError when it cannot be used."""
        self.load(version)
        self._point(Role.CHALLENGER, version)
        self._note(RegistryEntry(ts, Act.SHADOWS, version, operator, tuple(reasons)))

    def promote(self, version: str, reasons: Sequence[str], *, ts: int, operator: str) -> None:
        """Let a bundle decide; BundleError when it cannot be used."""
        version = self.resolve(version)
        self.load(version)
        before = self.champion()
        self._note(RegistryEntry(ts, Act.PROMOTED, version, operator, tuple(reasons), before))
        self._point(Role.CHAMPION, version)
        if self.challenger() == version:
            (self._root / Role.CHALLENGER.value).unlink()

    def rollback(self, reasons: Sequence[str], *, ts: int, operator: str) -> str:
        """Let the champion before the present one decide again and give its version.

        Raises:
            BundleError: there is no usable one before.
        """
        present = self.champion()
        for version in self._champions():
            if version == present or self._problem(version):
                continue
            self._note(RegistryEntry(ts, Act.ROLLED_BACK, version, operator, tuple(reasons), present))
            self._point(Role.CHAMPION, version)
            return version
        raise BundleError(f"expected a former champion to go back to, there is none before {present}")

    def listed(self) -> list[ListedModel]:
        """Give every bundle, the newest training first, unusable ones included with their problem."""
        roles = {self.challenger(): Role.CHALLENGER, self.champion(): Role.CHAMPION}
        verdicts = {entry.version: entry for entry in self.history() if entry.act is not Act.SAVED}
        rows = []
        names = [path.name for path in self._bundles.iterdir()] if self._bundles.is_dir() else []
        for version in sorted(name for name in names if not name.startswith(".")):
            try:
                manifest = read_manifest(self._path(version))
                rows.append(ListedModel(version, roles.get(version), manifest, verdicts.get(version)))
            except BundleError as error:
                rows.append(ListedModel(version, roles.get(version), None, verdicts.get(version), str(error)))
        return sorted(rows, key=lambda row: -(row.manifest.trained_until if row.manifest is not None else 0))

    def resolve(self, version: str) -> str:
        """Complete an abbreviated version; BundleError when none or several begin so."""
        names = [path.name for path in self._bundles.iterdir()] if self._bundles.is_dir() else []
        fitting = [name for name in names if name.startswith(version) and version]
        if len(fitting) != 1:
            raise BundleError(f"expected one bundle that begins with {version!r}, found {len(fitting)}")
        return fitting[0]

    def _champions(self) -> list[str]:
        """Present champion first, then those it replaced, each once, newest first."""
        present = self.champion()
        chain = [] if present is None else [present]
        by_version = {entry.version: entry.replaced for entry in self.history() if entry.act is Act.PROMOTED}
        while chain and (before := by_version.get(chain[-1])) is not None and before not in chain:
            chain.append(before)
        return chain

    def _problem(self, version: str) -> str:
        try:
            self.load(version)
        except BundleError as error:
            return str(error)
        return ""

    def _point(self, role: Role, version: str) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        draft = self._root / f".{role.value}.{os.getpid()}"
        with draft.open("w") as file:
            file.write(version + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._root / role.value)

    def _note(self, entry: RegistryEntry) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / "history.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
