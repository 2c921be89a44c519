"""What Parquet's library takes of memory that the store does not need."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    """Says of pandas that it is not there."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface's
        target: ModuleType | None = None,  # noqa: ARG002 - the same
    ) -> ModuleSpec | None:
        """Refuse pandas, know nothing of any other module."""
        if fullname == "pandas":
            raise ModuleNotFoundError("left out on purpose", name=fullname)
        return None


def leave_pandas_out() -> None:
    """Have pyarrow make its arrays without pandas, for the whole process.

    At its first array pyarrow imports pandas where it is installed, some 45 MB, to know its types should it meet them; a
    store is never given any. Whoever asks for pandas itself, or for a table as a frame, still gets it. pyarrow has no
    setting for this.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


def release_unused() -> None:
    """Give back to the system what pyarrow keeps for its next table: for who waits long between two."""
    pa.default_memory_pool().release_unused()
