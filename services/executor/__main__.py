"""`python -m services.executor`."""

from __future__ import annotations

import threading

from services.executor.bootstrap import run_executor
from shared.process import run_service


def main(stop: threading.Event) -> int:
    """Run the executor until told to stop."""
    return run_executor(stop)


if __name__ == "__main__":
    run_service(main)
