"""`python -m services.trainer`: wiring only."""

from __future__ import annotations

import threading

from services.trainer.service import trainer_service
from services.trainer.settings import TrainerSettings
from shared.config import load_settings, run_service
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run the trainer until told to stop."""
    return serve(trainer_service(load_settings(TrainerSettings)), stop)


if __name__ == "__main__":
    run_service(main)
