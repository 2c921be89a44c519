"""The front door for Python: run live, replay offline, train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import NoTrainingDataError
from shared.store.store import Store
from trading_system.offline.settings import MODELS
from trading_system.simulation.replay import DEFAULT_STORE, Progress, SimulationRequest, simulate
from trading_system.simulation.report import SimulationReport
from trading_system.wiring import Installation

if TYPE_CHECKING:
    from trading_system.offline.training import TrainingReport
    from trading_system.offline.training_set import Progress as TrainingProgress


class TradingSystem:
    """One installation of Thetaflow for one book.

    Args:
        book: a set of underlyings that share one risk budget.
        store: folder of recorded days, for simulation by date and for training.
        broker_url: broker to use; live mode takes THETAFLOW_BROKER_URL, simulation an embedded one, without it.
    """

    def __init__(self, book: str = "nifty", *, store: Path | None = None, broker_url: str | None = None) -> None:
        self._book = book
        self._store = store
        self._broker_url = broker_url

    def run_live(
        self,
        on_restart: Callable[[str, int, str], None] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Run every service until interrupted: live in market hours, idle outside them, paper by default.

        A service that ends by itself is started again; no other is stopped for it.

        Args:
            on_restart: told of such a service, its exit code and the end of its output.
            tell: told where the broker is.

        Raises:
            ConfigError: a setting is wrong.
            EngineError: a service ended before all were ready.
        """
        from trading_system.operations.live import run_live  # noqa: PLC0415 - starts processes; simulation needs none of it

        restarted = on_restart or (lambda _name, _code, _tail: None)
        run_live(self._book, broker_url=self._broker_url, on_restart=restarted, tell=tell or (lambda _text: None))

    def simulate_offline(
        self, day_or_path: str | Path, *, engine: str = "memory", progress: Progress | None = None
    ) -> SimulationReport:
        """Replay a stored day, a file or a folder through the whole pipeline.

        Args:
            day_or_path: ISO date of the store, one file, one day's folder, or a folder of days.
            engine: `memory` (one process) or the name of a broker's engine, such as `redis` (service processes over it); the outcome is the same.
            progress: called with items done and in all.
        """
        request = SimulationRequest(
            source=day_or_path, engine=engine, book=self._book, broker_url=self._broker_url, store=self._store
        )
        return simulate(request, installation=Installation.load(), progress=progress)

    def train_models(self, *, models: Path | None = None, progress: TrainingProgress | None = None) -> TrainingReport:
        """Train on every stored day, judge the outcome and promote it only when it beats those who need no model.

        Args:
            models: folder of the model registry; the usual one when None.
            progress: called with what is being done, steps done and steps in all.

        Raises:
            NoTrainingDataError: nothing is stored to learn from, or too little.
        """
        store = self._store or DEFAULT_STORE
        days = [stored.day for stored in Store(store).days(self._book)]
        if not days:
            raise NoTrainingDataError(f"expected stored days of {self._book} in {store}, found none to learn from")
        from trading_system.offline.training import TrainingRequest, train  # noqa: PLC0415 - loads the model libraries

        request = TrainingRequest(sources=tuple(days), store=store, models=models or MODELS)
        return train(request, progress=progress or (lambda *_: None))
