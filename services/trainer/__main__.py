"""`python -m services.trainer`: wiring only."""

from __future__ import annotations

import sys
import threading

from services.trainer.bootstrap import trainer_service
from services.trainer.release.answers import AnswerLog
from services.trainer.release.publication import Publication
from services.trainer.release.retraining import Retraining
from services.trainer.settings import TrainerSettings
from shared.clock import SystemClock
from shared.events.topology import Topic
from shared.observability.health import CheckResult
from shared.process import run_service
from shared.settings import BookSettings, BrokerSettings, load_settings
from shared.streaming.connect import connect
from shared.streaming.serving import serve
from shared.streaming.topic_reader import TopicReader

_LOOK_S = 5.0


def main(stop: threading.Event) -> int:
    """Run the trainer until told to stop, with retraining beside it."""
    settings, broker = load_settings(TrainerSettings), load_settings(BrokerSettings)
    books = load_settings(BookSettings).books
    fit = (sys.executable, "-m", "services.trainer.fit", "--models", str(settings.models))
    added = tuple(word for reference in settings.members for word in ("--member", reference))
    plan = () if settings.plan is None else ("--plan", str(settings.plan))
    reading = connect(broker.url, broker.partitions)
    with reading.publisher("models") as publisher:
        retraining = Retraining(
            models=settings.models,
            command=(*fit, *plan, *added),
            topic=TopicReader(
                reading.history(),
                Topic.OFFLINE,
                range(broker.partitions),
                AnswerLog(settings.models).positions(),
            ),
            publication=Publication(settings.models, books, publisher, SystemClock()),
        )

        def look() -> None:
            while not stop.wait(_LOOK_S):
                retraining.look()
            retraining.close()
            reading.close()

        beside = threading.Thread(target=look, name="retraining")
        beside.start()

        def watches() -> CheckResult:
            alive = beside.is_alive()
            return CheckResult(alive, "trainings and the registry are looked after" if alive else "ended")

        try:
            return serve(trainer_service(settings), stop, live={"retraining": watches})
        finally:
            stop.set()
            beside.join()


if __name__ == "__main__":
    run_service(main)
