"""`python -m services.ingest`."""

from __future__ import annotations

import threading

from services.ingest.bootstrap import run_ingest
from shared.process import run_service


def main(stop: threading.Event) -> int:
    """Bring the configured source into the pipeline until told to stop."""
    return run_ingest(stop)


if __name__ == "__main__":
    run_service(main)
