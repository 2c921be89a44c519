"""`python -m services.recorder`."""

from __future__ import annotations

import threading

from services.recorder.bootstrap import run_recorder
from shared.process import run_service


def main(stop: threading.Event) -> int:
    """Record until told to stop."""
    return run_recorder(stop)


if __name__ == "__main__":
    run_service(main)
