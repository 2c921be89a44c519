"""Every model member by name: those built in, those of installed packages, and those in files that a setting names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.errors import PluginError
from shared.models.linear import LinearMember
from shared.models.member import Arrays, FeatureFrame, ServedKind, ServedMember
from shared.models.recurrent import LstmMember
from shared.plugins import Registry, is_file_reference


@dataclass(frozen=True, slots=True)
class _ForestKind:
    name: str = "forest"

    def load(self, arrays: Arrays, frame: FeatureFrame) -> ServedMember:  # noqa: ARG002 - the port's form
        """Make it of the trees of both sides."""
        from shared.models.trees import FOREST_SCALE, FOREST_SHIFT, TreeMember  # noqa: PLC0415 - no bundle, no XGBoost

        return TreeMember.load(self.name, arrays, scale=FOREST_SCALE, shift=FOREST_SHIFT)


@dataclass(frozen=True, slots=True)
class _BoosterKind:
    name: str = "booster"

    def load(self, arrays: Arrays, frame: FeatureFrame) -> ServedMember:  # noqa: ARG002 - the port's form
        """Make it of the trees of both sides."""
        from shared.models.trees import TreeMember  # noqa: PLC0415 - no bundle, no XGBoost

        return TreeMember.load(self.name, arrays)


@dataclass(frozen=True, slots=True)
class _LstmKind:
    name: str = "lstm"

    def load(self, arrays: Arrays, frame: FeatureFrame) -> ServedMember:  # noqa: ARG002 - the port's form
        """Make it of its weights and its own scaler."""
        return LstmMember.load(arrays)


@dataclass(frozen=True, slots=True)
class _LinearKind:
    name: str = "linear"

    def load(self, arrays: Arrays, frame: FeatureFrame) -> ServedMember:
        """Make it of its coefficients and the ensemble's scaler."""
        return LinearMember.load(arrays, frame)


_KINDS: Final[Mapping[str, ServedKind]] = MappingProxyType(
    {kind.name: kind for kind in (_ForestKind(), _BoosterKind(), _LstmKind(), _LinearKind())}
)
BUILT_IN: Final = tuple(_KINDS)
"""Names of the members every ensemble has, in order of the stacker's weights; added ones stand behind them."""


def model_members() -> Registry[ServedKind]:
    """Give the registry; packages add to it by entry points of the group `thetaflow.model_members`."""
    return Registry("model member", "thetaflow.model_members", _KINDS, members=("name", "fit", "load"))


def added_kinds(references: Iterable[str]) -> dict[str, ServedKind]:
    """Find members beyond the built-in ones and give them by the name that a bundle holds.

    Args:
        references: `path/to/file.py:Name`, or the name of one of an installed package.

    Raises:
        PluginError: there is no such member, it cannot be used, or its name is none or is taken.
    """
    found: dict[str, ServedKind] = {}
    registry = model_members()
    for reference in references:
        kind = registry.get(reference)
        _check_name(kind.name, reference, taken=(*BUILT_IN, *found))
        found[kind.name] = kind
    return found


class MemberKinds:
    """The members that a bundle may name.

    Args:
        references: files to look in, `path/to/file.py:Name`; what is built in or installed is found without.

    Raises:
        PluginError: see `added_kinds`.
    """

    def __init__(self, references: Iterable[str] = ()) -> None:
        self._added = added_kinds(references)

    def get(self, name: str) -> ServedKind:
        """Find the kind of a member by the name its bundle holds.

        Raises:
            PluginError: nothing of that name is registered, or what is cannot be used.
        """
        if name in BUILT_IN:
            return _KINDS[name]
        if name in self._added:
            return self._added[name]
        registry = model_members()
        if name not in registry.names():
            known = ", ".join(sorted({*registry.names(), *self._added}))
            raise PluginError(f"expected a model member {name!r}, registered are {known}")
        kind = registry.get(name)
        _check_name(kind.name, name, taken=())
        return kind


def _check_name(name: object, reference: str, taken: Collection[str]) -> None:
    if not (isinstance(name, str) and name.isidentifier()):
        raise PluginError(f"expected a model member whose name is an identifier, got {name!r}: {reference}")
    if name in taken:
        raise PluginError(f"expected a model member of a name that nothing else has, got {name!r} twice: {reference}")
    if not is_file_reference(reference) and name != reference:
        raise PluginError(f"expected the model member {reference!r} to bear this name, got {name!r}")
