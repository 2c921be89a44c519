"""Bundles of a model registry, loaded when they are first asked for and kept while they may be asked for again.

The libraries that run models are imported with the first bundle: a predictor that has none needs none of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import BundleError
from shared.models.member_kinds import MemberKinds

if TYPE_CHECKING:
    from shared.models.ensemble import Ensemble
    from shared.models.inference import EnsembleSession
    from shared.models.registry import ModelRegistry

_KEPT = 3
"""Champion, challenger and the one before: a retraining habit must not fill the memory."""


class RegistryBundles:
    """Loads bundles of one feature schema.

    Args:
        folder: of the model registry; it need not exist yet.
        schema_id: of the vectors to decide on.
        kinds: members that bundles may name.
    """

    def __init__(self, folder: Path, schema_id: str, kinds: MemberKinds) -> None:
        self._folder = folder
        self._schema_id = schema_id
        self._kinds = kinds
        self._loaded: OrderedDict[str, Ensemble] = OrderedDict()

    def open(self, version: str) -> tuple[EnsembleSession, int]:
        """Load a bundle: a fresh session and the event time its training ended.

        Raises:
            BundleError: it is missing, corrupt, of another feature schema, or names a member nobody knows.
        """
        from shared.models.inference import EnsembleSession  # noqa: PLC0415 - see the module

        if version not in self._loaded:
            self._loaded[version] = self._registry().load(version, self._schema_id)[0]
        self._loaded.move_to_end(version)
        while len(self._loaded) > _KEPT:
            self._loaded.popitem(last=False)
        ensemble = self._loaded[version]
        return EnsembleSession(ensemble), ensemble.trained_until

    def initial(self, asked: str) -> str | None:
        """Give the version to begin with: the last good champion, or the one that is pinned; None for none.

        Raises:
            BundleError: a pinned version is not there or cannot be used.
        """
        if asked != "champion":
            version = self._registry().resolve(asked)
            self.open(version)
            return version
        if not (self._folder / "champion").is_file():
            return None
        try:
            found = self._registry().load_champion(self._schema_id)
        except BundleError:
            return None
        return None if found is None else found[1].version

    def _registry(self) -> ModelRegistry:
        from shared.models.registry import ModelRegistry  # noqa: PLC0415 - see the module

        return ModelRegistry(self._folder, self._kinds)


class ModelSource:
    """The bundles a strategy may decide by; nothing is loaded until a strategy asks.

    Which one begins is settled once per process, so that a strategy that is made again begins with the same.

    Args:
        folder: of the model registry; it need not exist yet.
        schema_id: of the vectors to decide on.
        asked: the predictor's setting `model`: `champion`, or a version to stay with.
        members: where members beyond the built-in ones are, as the predictor's setting names them.

    Raises:
        PluginError: one of them is not there or cannot be used.
    """

    def __init__(self, folder: Path, schema_id: str, asked: str, members: Sequence[str] = ()) -> None:
        self._bundles = RegistryBundles(folder, schema_id, MemberKinds(members))
        self._asked = asked

    def bundles(self) -> RegistryBundles:
        """Give the bundles of the registry."""
        return self._bundles

    def initial(self) -> str | None:
        """Give the version to begin with, None for none.

        Raises:
            BundleError: a pinned version is not there or cannot be used.
        """
        return self._initial

    @cached_property
    def _initial(self) -> str | None:
        return self._bundles.initial(self._asked)
