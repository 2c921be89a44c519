"""`python -m services.gateway`."""

from __future__ import annotations

import threading

from services.gateway.bootstrap import run_gateway
from shared.process import run_service


def main(stop: threading.Event) -> int:
    """Serve the dashboard until told to stop."""
    return run_gateway(stop)


if __name__ == "__main__":
    run_service(main)
