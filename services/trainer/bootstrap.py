"""The trainer's collecting part as an engine runs it."""

from __future__ import annotations

from services.trainer.handler import TrainerHandler
from services.trainer.settings import TrainerSettings
from shared.streaming.protocol.handler import Service


def trainer_service(settings: TrainerSettings) -> Service:
    """Make the service; every book gets a handler of its own."""
    return Service(name="trainer", make=lambda book: TrainerHandler(book, settings))
