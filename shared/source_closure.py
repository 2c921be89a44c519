"""Which of our own files a result follows from: the modules an entry module imports, and theirs, read without running them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from shared.errors import BadInputError

_DATA = frozenset({".csv", ".json", ".sql", ".toml"})
_OUR_FOLDER = Path(__file__).resolve().parents[1]


def source_closure(
    modules: Iterable[str], packages: Collection[str], *, folder: Path = _OUR_FOLDER
) -> Mapping[str, Path]:
    """Find every module of ours that some modules import, directly or not.

    Imports are read from the source, so those inside functions and under `TYPE_CHECKING` count, too. A name given to
    `importlib` at run time does not. A package that is only on the way to a module is in the closure itself, what it
    imports is not: nothing of it is named.

    Args:
        modules: where to begin, as dotted names.
        packages: top-level packages that are ours; imports of others are passed over.
        folder: that holds these packages.

    Returns:
        Path by dotted name, in order of name.

    Raises:
        BadInputError: one of `modules` has no source file.
    """
    found: dict[str, Path] = {}
    passed: dict[str, Path] = {}
    waiting: list[str] = []
    for name in modules:
        if _path_of(name, packages, folder) is None:
            raise BadInputError(f"a module of {', '.join(sorted(packages))}", name, "source closure")
        waiting.append(name)
    while waiting:
        name = waiting.pop()
        path = _path_of(name, packages, folder)
        if path is None or name in found:
            continue
        found[name] = path
        for package in _around(name):
            on_the_way = _path_of(package, packages, folder)
            if on_the_way is not None:
                passed[package] = on_the_way
        waiting.extend(_imported_by(name, path))
    return dict(sorted({**passed, **found}.items()))


def source_hash(modules: Iterable[str], packages: Collection[str], *, folder: Path = _OUR_FOLDER) -> str:
    """Hash the sources of a closure, and the tables (CSV, JSON, SQL, TOML) that lie in the folders of its packages.

    Raises:
        BadInputError: see `source_closure`.
    """
    closure = source_closure(modules, packages, folder=folder)
    paths = set(closure.values())
    paths.update(table for path in closure.values() if path.name == "__init__.py" for table in _tables(path.parent))
    digest = blake2b(digest_size=16)
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _tables(folder: Path) -> Iterator[Path]:
    """Give the tables of a package: in its own folder, or below in one without modules."""
    for path in folder.iterdir():
        if path.is_file() and path.suffix in _DATA:
            yield path
        elif path.is_dir() and path.name != "__pycache__" and not any(path.rglob("*.py")):
            yield from (table for table in path.rglob("*") if table.is_file() and table.suffix in _DATA)


def _path_of(name: str, packages: Collection[str], folder: Path) -> Path | None:
    """Give the source file of a module of ours, None for what is no such module."""
    if name.partition(".")[0] not in packages:
        return None
    place = folder.joinpath(*name.split("."))
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file():
            return path
    return None


def _around(name: str) -> Iterator[str]:
    """Name the packages a module lies in."""
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def _imported_by(name: str, path: Path) -> Iterator[str]:
    """Name what a module imports."""
    parts = name.split(".")
    package = parts if path.name == "__init__.py" else parts[:-1]
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            yield base
            # A name may be a module of its own; where it is not, it is found nowhere and passed over.
            yield from (f"{base}.{alias.name}" for alias in node.names)
