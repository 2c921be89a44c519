"""The kill switch that needs no broker: while a file exists, nothing is opened and everything is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_SHOWN: Final = 200


class KillFile:
    """Looks for the file; what it says is the reason.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def look(self) -> tuple[str, str] | None:
        """Give the reason and a name for this appearance of the file; None while it is not there.

        A file that cannot be read counts: the safe reading of a doubt.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"kill file {self.path} cannot be looked at ({type(error).__name__})", "kill-unreadable"
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace").strip()[:_SHOWN]
        except OSError:
            text = ""
        return text or "kill file", f"kill-{status.st_mtime_ns}"
