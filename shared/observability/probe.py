"""Ask a service of this machine whether it is ready; the health check of its container.

    python -m shared.observability.probe [live|ready] [PORT] [--end]

Ends with 0 when it is, with 1 and the reasons when it is not. With `--end` it also ends a process whose `/live` has failed, or
not been answered, for `END_AFTER_S` without a break: its loop hangs, nobody in it is left to end it, and whoever started the
container starts it again. A process that is only not ready is left alone. Loads nothing but the standard library, so that
asking every few seconds costs little.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DEFAULT_PORT = 8081
END_AFTER_S = 90.0
_INIT = 1
"""Process that a container begins with, and whose child the service is."""
_MARK = "thetaflow-not-live-since"
_TIMEOUT_S = 2.0
_PARENT_FIELD = 1


def probe(question: str, port: int, timeout_s: float = _TIMEOUT_S) -> tuple[bool, str]:
    """Ask `/live` or `/ready` on this machine; give the verdict and the answer's text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", f"/{question}")
        response = connection.getresponse()
        return response.status == http.client.OK, response.read(10_000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"nothing answers on port {port}: {error}"
    finally:
        connection.close()


def is_beyond_recovery(mark: Path, *, live: bool, now_s: float) -> bool:
    """Remember since when a service is not live, from one probe to the next; tell whether that is too long.

    Args:
        mark: file that keeps the moment; gone as soon as the service is live.
        live: what the service has just answered.
        now_s: moment of a clock that all processes of the machine share and nobody sets, seconds.
    """
    if live:
        mark.unlink(missing_ok=True)
        return False
    try:
        since = float(mark.read_text(encoding="ascii"))
    except (OSError, ValueError):
        mark.write_text(f"{now_s}", encoding="ascii")
        return False
    return now_s - since > END_AFTER_S


def end_children(parent: int) -> list[int]:
    """End every child of a process, but for this one, as nothing can resist; give their ids."""
    ended = [pid for pid in _children(parent) if pid != os.getpid()]
    for pid in ended:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return ended


def _children(parent: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name, in brackets, may hold anything; what follows is state and parent.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[_PARENT_FIELD]) == parent:
                yield int(folder.name)


def main() -> int:
    """Ask as the command line says."""
    arguments = [one for one in sys.argv[1:] if one != "--end"]
    question = arguments[0] if arguments else "ready"
    port = int(arguments[1] if len(arguments) > 1 else os.environ.get("THETAFLOW_HEALTH_PORT") or str(DEFAULT_PORT))
    ok, text = probe("live", port)
    if "--end" in sys.argv[1:]:
        mark = Path(tempfile.gettempdir()) / _MARK
        if is_beyond_recovery(mark, live=ok, now_s=time.monotonic()):
            mark.unlink(missing_ok=True)
            text += f"; ended {end_children(_INIT)}: not live for more than {END_AFTER_S:g} s"
    if ok and question != "live":
        ok, text = probe(question, port)
    sys.stdout.write(f"{text}\n")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
