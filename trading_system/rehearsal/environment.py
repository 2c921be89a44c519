"""The environment of a rehearsal: folders of its own, this machine's addresses, its clock, and no way out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.executor.settings import ExecutorSettings
from services.executor.venues.rehearsal import stand_in_environ
from services.executor.venues.settings import VenueSettings
from services.ingest.formats.v3 import FORMAT
from shared.settings import variable_of
from trading_system.offline.settings import MODELS

_OUTSIDE: Final = frozenset(
    {variable_of(ExecutorSettings, field) for field in (*VenueSettings.model_fields, "directory", "kill_file")}
    | set(VenueSettings.aliases.values())
)
_LEFT_OUT: Final = (
    "THETAFLOW_ALERTS_",
    "THETAFLOW_BROKER_",
    "THETAFLOW_CLOCK_",
    "THETAFLOW_INGEST_",
    "THETAFLOW_OFFLINE_",
    "THETAFLOW_RECORDER_",
    "THETAFLOW_VENUE_",
    "REDIS_URL",
    *VenueSettings.left_to_others,
)
"""Variables, or how they begin, that could lead a rehearsal to a person, a market, a venue or the files of live trading.

How the gates judge, `THETAFLOW_INGEST_*`, is left out with them: addresses and tokens of feeds stand in that section.
"""
_QUICK: Final = {
    "THETAFLOW_OFFLINE_POLL_S": "20",
    "THETAFLOW_RECORDER_FLUSH_S": "60",
}


def stripped(environ: Mapping[str, str]) -> dict[str, str]:
    """Take out of an environment everything that leads outside."""
    return {name: text for name, text in environ.items() if name not in _OUTSIDE and not name.startswith(_LEFT_OUT)}


def rehearsal_environ(
    environ: Mapping[str, str], folder: Path, *, site: str, venue: str, shown_ns: int, since_ns: int, rate: float
) -> dict[str, str]:
    """Give the environment of every process of a rehearsal.

    Args:
        environ: of the person who rehearses; limits, thresholds and pages are as set there.
        folder: of the rehearsal.
        site: address of the site on this machine.
        venue: address of the venue on this machine.
        shown_ns: what the clock shows at `since_ns`, ns UTC.
        since_ns: a moment of the machine's monotonic clock, ns.
        rate: of the clock.
    """
    models = folder / "models"
    own = Path(environ.get("THETAFLOW_PREDICTOR_MODELS") or MODELS)
    if own.is_dir() and not models.exists():
        shutil.copytree(own, models)
    store = str(folder / "store")
    return {
        **stripped(environ),
        **_QUICK,
        "THETAFLOW_CLOCK_SHOWN_NS": str(shown_ns),
        "THETAFLOW_CLOCK_SINCE_NS": str(since_ns),
        "THETAFLOW_CLOCK_RATE": f"{rate:g}",
        "THETAFLOW_INGEST_SOURCE": "nse",
        "THETAFLOW_INGEST_ACCEPT_NSE_TERMS": "true",  # of the site on this machine
        "THETAFLOW_INGEST_NSE_URL": site,
        "THETAFLOW_INGEST_STORE": store,
        "THETAFLOW_RECORDER_STORE": store,
        "THETAFLOW_OFFLINE_STORE": store,
        "THETAFLOW_OFFLINE_REPORTS": str(folder / "reports"),
        "THETAFLOW_OFFLINE_MODELS": str(models),
        "THETAFLOW_PREDICTOR_MODELS": str(models),
        "THETAFLOW_TRAINER_MODELS": str(models),
        "THETAFLOW_ALERTS_DIRECTORY": str(folder / "alerts"),
        "THETAFLOW_EXECUTOR_DIRECTORY": str(folder / "executor"),
        "THETAFLOW_EXECUTOR_VENUE_SOURCES": FORMAT,
        **stand_in_environ(f"{venue}/api"),
    }
