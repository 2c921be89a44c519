"""The trainer's collecting part as an engine runs it."""

from __future__ import annotations

import threading

from services.trainer.handler import TrainerHandler
from services.trainer.release.retraining import RetrainTrigger
from services.trainer.settings import TrainerSettings
from shared.streaming.protocol.handler import Service


def trainer_service(settings: TrainerSettings, due: threading.Event | None = None) -> Service:
    """Make the service; every book gets a handler of its own, and `due` is set when one says so."""
    told = due or threading.Event()
    return Service(name="trainer", make=lambda book: RetrainTrigger(TrainerHandler(book, settings), told))
