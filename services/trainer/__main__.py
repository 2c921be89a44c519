"""`python -m services.trainer`."""

from __future__ import annotations

import threading

from services.trainer.bootstrap import run_trainer
from shared.process import run_service


def main(stop: threading.Event) -> int:
    """Run the trainer until told to stop."""
    return run_trainer(stop)


if __name__ == "__main__":
    run_service(main)
