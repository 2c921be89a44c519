"""How a strategy, a feature family, a source or a model member is found: by name, or in a file of the user's.

A `Registry` holds what may stand at one place of the system. Three roads lead into it, and a setting takes any of them:

* **built in**: named in the code (`ensemble`);
* **an installed package**: named by an entry point of the registry's group, so that `pip install` is all it takes;
* **a file**: `path/to/file.py:Name`, without any packaging.

The name is all that a setting, a log or a model bundle ever holds of it.

>>> shapes = Registry("shape", "example.shapes", {"circle": dict, "square": list})
>>> shapes.names()
('circle', 'square')
>>> shapes.get("circle")
<class 'dict'>
>>> shapes.get("star")
Traceback (most recent call last):
shared.errors.PluginError: expected a shape: one of circle, square, or path/to/file.py:Name, got 'star'
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Mapping
from hashlib import blake2b
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from shared.errors import PluginError

T = TypeVar("T")


class Registry(Generic[T]):
    """What may stand at one place of the system, by name.

    Args:
        kind: what they are, in the singular, for messages: "strategy".
        group: of entry points through which installed packages add theirs: "thetaflow.strategies".
        built_in: ours, by name.
        members: attributes that each must have; one without them is refused when it is asked for, not when it is used.
    """

    def __init__(self, kind: str, group: str, built_in: Mapping[str, T], members: Collection[str] = ()) -> None:
        self._kind = kind
        self._group = group
        self._built_in = dict(built_in)
        self._members = tuple(members)

    @property
    def group(self) -> str:
        """Group of entry points through which installed packages add theirs."""
        return self._group

    def names(self) -> tuple[str, ...]:
        """Name all that are built in or installed, in order of name; those in files are not known beforehand.

        Raises:
            PluginError: a name is taken twice.
        """
        return tuple(sorted((*self._built_in, *self._installed())))

    def get(self, reference: str) -> T:
        """Find one by its name, or by `path/to/file.py:Name`.

        Raises:
            PluginError: there is none of that name, the file is missing or fails, or what it holds is no such thing.
        """
        if is_file_reference(reference):
            return self._checked(load_from_file(reference), reference)
        installed = self._installed()
        if reference in self._built_in:
            return self._built_in[reference]
        if reference in installed:
            return self._checked(_load(installed[reference]), f"{reference!r} ({installed[reference].value})")
        known = ", ".join(self.names()) or "none is installed"
        raise PluginError(f"expected a {self._kind}: one of {known}, or path/to/file.py:Name, got {reference!r}")

    def fingerprint(self, reference: str) -> str:
        """Tell one state of its code from another, for keys of caches: a file's content, a package's version.

        Raises:
            PluginError: there is none of that name, or the file is missing.
        """
        if is_file_reference(reference):
            return blake2b(_path_of(reference).read_bytes(), digest_size=16).hexdigest()
        point = self._installed().get(reference)
        if point is None:
            self.get(reference)
            return reference
        return f"{point.value} {point.dist.version if point.dist is not None else ''}"

    def _installed(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self._group):
            if point.name in self._built_in:
                raise PluginError(f"{self._kind} {point.name!r} is built in: {point.value} needs another name")
            other = found.setdefault(point.name, point)
            if other.value != point.value:
                raise PluginError(
                    f"{self._kind} {point.name!r} is offered twice: by {other.value} and by {point.value}"
                )
        return found

    def _checked(self, found: object, where: str) -> T:
        lacking = [name for name in self._members if not hasattr(found, name)]
        if lacking:
            wanted = ", ".join(self._members)
            raise PluginError(f"expected a {self._kind} with {wanted}, got one without {', '.join(lacking)}: {where}")
        return found  # type: ignore[return-value]  # its members were looked at, its types nobody can


def is_file_reference(reference: str) -> bool:
    """Tell whether a reference leads to a file, `path/to/file.py:Name`, rather than being a name."""
    return reference.rpartition(":")[0].endswith(".py")


def load_from_file(reference: str) -> object:
    """Run a Python file and give what it calls `Name`.

    The same content at the same place is run once per process, so that its classes keep their identity.

    Args:
        reference: `path/to/file.py:Name`; a relative path begins at the working directory.

    Raises:
        PluginError: there is no such file or name, or the file fails.
    """
    name = reference.rpartition(":")[2]
    path = _path_of(reference)
    found = getattr(_run(path), name, None)
    if found is None:
        raise PluginError(f"expected {name} in {path}, got a file without it")
    return found


def _path_of(reference: str) -> Path:
    written, _, name = reference.rpartition(":")
    path = Path(written).expanduser().resolve()
    if not path.is_file():
        raise PluginError(f"expected a file with {name} in it, got {written}, which is none")
    return path


def _run(path: Path) -> ModuleType:
    digest = blake2b(f"{path}\0".encode() + path.read_bytes(), digest_size=8).hexdigest()
    module_name = f"thetaflow_file_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"expected a Python file, got {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and msgspec look their own module up while it runs
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise PluginError(f"{path} failed: {type(error).__name__}: {error}") from error
    return module


def _load(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(f"{point.name!r} ({point.value}) failed: {type(error).__name__}: {error}") from error
