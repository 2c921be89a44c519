"""Code blocks of the how-to pages, as a reader would copy them."""

from __future__ import annotations

import re
from pathlib import Path

_PAGES = Path(__file__).resolve().parents[2] / "docs" / "howto"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_blocks(page: str) -> list[str]:
    """Give the Python blocks of a page, in order."""
    return _BLOCK.findall((_PAGES / page).read_text())


def write_block(page: str, number: int, path: Path) -> Path:
    """Write one block of a page as a new file."""
    path.write_text(code_blocks(page)[number])
    return path
