"""A real file system of eight megabytes, that a test can fill to the last byte."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SIZE_BYTES = 8 * 1024 * 1024


class SmallDisk:
    """One file system; everything in `path` shares its room."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (65536, 4096, 64, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Free what was filled."""
        self._filler.unlink()


def _mount(path: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(path)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@cache
def can_mount() -> bool:
    """Tell whether this user may mount one."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mounted = _mount(Path(folder))
        if mounted:
            subprocess.run(["umount", folder], check=True)
        return mounted


@contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """Mount one at a folder, which is made; PermissionError where `can_mount` says no."""
    path.mkdir()
    if not _mount(path):
        raise PermissionError(f"expected the right to mount {path}")
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: a file of the test may still be open.
        subprocess.run(["umount", "-l", str(path)], check=True)
