"""`python -m services.alerts`."""

from __future__ import annotations

import threading

from services.alerts.bootstrap import run_alerts
from shared.process import run_service


def main(stop: threading.Event) -> int:
    """Tell people until told to stop."""
    return run_alerts(stop)


if __name__ == "__main__":
    run_service(main)
