"""Where things lie in a store, and how a file gets there whole or not at all.

    <root>/<table>/book=<book>/date=<ISO day>/<part>.parquet

A part is written beside its place, synced and renamed. A compacted part names the parts it replaces in its metadata, so
a crash between writing it and deleting them leaves nothing doubled: whoever lists the files passes the replaced over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shared.store.places import Table, day_folder, replace_synced

__all__ = [
    "COMPACTED",
    "COVERS",
    "Table",
    "compact",
    "covered_by",
    "day_folder",
    "list_parts",
    "read_parts",
    "replace_synced",
    "sweep",
    "walk_days",
    "write_part",
]

COVERS = b"thetaflow.covers"
COMPACTED = "day-"
_SUFFIX = ".parquet"
_UNFINISHED = ".unfinished"


def write_part(folder: Path, name: str, content: pa.Table, *, covers: Sequence[str] = ()) -> Path:
    """Write a part whole or not at all, and have it on disk before returning."""
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {**(content.schema.metadata or {}), COVERS: json.dumps(list(covers)).encode()}
    place = folder / f"{name}{_SUFFIX}"
    unfinished = folder / f"{name}{_UNFINISHED}"
    # One row group: a day is read whole, and small groups would repeat the dictionaries.
    pq.write_table(
        content.replace_schema_metadata(metadata),
        unfinished,
        compression="zstd",
        compression_level=9,
        row_group_size=1 << 20,
    )
    replace_synced(unfinished, place)
    return place


def list_parts(folder: Path) -> list[Path]:
    """List the parts of a day that count, in order of their names."""
    there = sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    covered = {name for part in there if part.name.startswith(COMPACTED) for name in covered_by(part)}
    return [part for part in there if part.name not in covered]


def covered_by(part: Path) -> list[str]:
    """Name the parts a compacted one replaces."""
    metadata = pq.read_schema(part).metadata or {}
    names: list[str] = json.loads(metadata.get(COVERS, b"[]"))
    return names


def sweep(folder: Path) -> None:
    """Delete what a crash left behind: unfinished files and parts that a compacted one replaces."""
    counted = set(list_parts(folder))
    for path in (*folder.glob(f"*{_SUFFIX}"), *folder.glob(f"*{_UNFINISHED}")):
        if path not in counted:
            path.unlink(missing_ok=True)


def compact(folder: Path, sort_keys: Sequence[str]) -> int:
    """Merge the parts of a day into one, sorted; give the number of parts replaced."""
    parts = list_parts(folder)
    if len(parts) < 2 and all(part.name.startswith(COMPACTED) for part in parts):  # noqa: PLR2004 - one part is compact
        return 0
    merged = read_parts(parts).sort_by([(key, "ascending") for key in sort_keys])
    # A name never comes back: a part must not replace one that has its own name.
    newest = max((int(path.name.split("-")[1]) for path in folder.glob(f"{COMPACTED}*")), default=0)
    names = [part.name for part in parts]
    write_part(folder, f"{COMPACTED}{newest + 1:06d}-{len(names):06d}", merged, covers=names)
    sweep(folder)
    return len(names)


def read_parts(parts: Iterable[Path]) -> pa.Table:
    """Read parts into one table."""
    return pa.concat_tables([pq.read_table(part, partitioning=None) for part in parts], promote_options="permissive")


def walk_days(root: Path, table: Table) -> Iterator[tuple[str, str, Path]]:
    """Give book, day and folder of everything stored in a table, oldest day first."""
    found = sorted((root / table.value).glob("book=*/date=*"), key=lambda path: (path.name, path.parent.name))
    for folder in found:
        yield folder.parent.name.partition("=")[2], folder.name.partition("=")[2], folder
