"""`python -m services.trainer`: wiring only."""

from __future__ import annotations

import sys
import threading

from services.trainer.release.retraining import Retraining
from services.trainer.service import trainer_service
from services.trainer.settings import TrainerSettings
from shared.clock import SystemClock
from shared.observability.health import CheckResult
from shared.process import run_service
from shared.settings import BookSettings, BrokerSettings, load_settings
from shared.streaming.redis.publisher import Publisher
from shared.streaming.serving import serve

_LOOK_S = 5.0
_TRAIN = (sys.executable, "-m", "trading_system.cli", "train", "--days", "all", "--json")


def main(stop: threading.Event) -> int:
    """Run the trainer until told to stop, with retraining beside it."""
    settings, broker = load_settings(TrainerSettings), load_settings(BrokerSettings)
    due, unheard = threading.Event(), threading.Event()
    with Publisher(broker.url, producer="models", partitions=broker.partitions) as publisher:
        retraining = Retraining(
            models=settings.models,
            books=load_settings(BookSettings).books,
            command=(*_TRAIN, "--models", str(settings.models), "--store", str(settings.store)),
            topic=publisher,
            clock=SystemClock(),
            due=due if settings.retrain else unheard,
        )

        def look() -> None:
            while not stop.wait(_LOOK_S):
                retraining.look()
            retraining.close()

        beside = threading.Thread(target=look, name="retraining")
        beside.start()

        def watches() -> CheckResult:
            alive = beside.is_alive()
            return CheckResult(alive, "trainings and the registry are looked after" if alive else "ended")

        try:
            return serve(trainer_service(settings, due), stop, live={"retraining": watches})
        finally:
            stop.set()
            beside.join()


if __name__ == "__main__":
    run_service(main)
