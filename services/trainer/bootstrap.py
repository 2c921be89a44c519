"""The trainer put together from settings: the collecting service that an engine runs, and retraining beside it."""

from __future__ import annotations

import sys
import threading

from services.trainer.handler import TrainerHandler
from services.trainer.release.answers import AnswerLog
from services.trainer.release.beside import RetrainingThread
from services.trainer.release.publication import Publication
from services.trainer.release.retraining import Retraining
from services.trainer.settings import TrainerSettings
from shared.events.topology import Topic
from shared.process_clock import process_clock
from shared.settings import BookSettings, BrokerSettings, load_settings
from shared.settings.writable import check_writable
from shared.streaming.connect import connect
from shared.streaming.protocol.handler import Service
from shared.streaming.serving import serve
from shared.streaming.topic_reader import TopicReader


def trainer_service(settings: TrainerSettings) -> Service:
    """Make the service; every book gets a handler of its own."""
    return Service(name="trainer", make=lambda book: TrainerHandler(book, settings))


def run_trainer(stop: threading.Event) -> int:
    """Run the service of the environment's settings, with retraining beside it, until told to stop; give the exit code.

    Raises:
        ConfigError: a setting is wrong, or the broker refuses our rights.
    """
    settings, broker = load_settings(TrainerSettings), load_settings(BrokerSettings)
    check_writable(settings.models, "THETAFLOW_TRAINER_MODELS")
    books = load_settings(BookSettings).books
    fit = (sys.executable, "-m", "services.trainer.fit", "--models", str(settings.models))
    plan = () if settings.plan is None else ("--plan", str(settings.plan))
    added = tuple(word for reference in settings.members for word in ("--member", reference))
    with (
        connect(broker.url, broker.partitions) as client,
        client.publisher("models") as publisher,
    ):
        positions = AnswerLog(settings.models).positions()
        retraining = Retraining(
            models=settings.models,
            command=(*fit, *plan, *added),
            topic=TopicReader(client.history(), Topic.OFFLINE, range(broker.partitions), positions),
            publication=Publication(settings.models, books, publisher, process_clock()),
        )
        with RetrainingThread(retraining, stop) as beside:
            return serve(trainer_service(settings), stop, live={"retraining": beside.watches})
