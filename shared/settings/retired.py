"""Settings of former versions: whoever still sets one is told what became of it, and starts all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

RETIRED: Mapping[str, str] = MappingProxyType(
    {
        "THETAFLOW_TRACE_FILE": "no service ever wrote spans; every event carries its trace context as before",
        "THETAFLOW_GATEWAY_MODE": "the page shows what the executor says of itself, by its settings and the day's arming",
        "THETAFLOW_TRAINER_STORE": "the offline process makes training sets now and reads THETAFLOW_OFFLINE_STORE; "
        "this one counts where that is not set",
    }
)
"""By variable: what became of it."""


def retired_in(environ: Mapping[str, str]) -> Iterator[str]:
    """Say, for each retired variable that is set, what became of it."""
    for name, became in RETIRED.items():
        if environ.get(name):
            yield f"{name} is a setting of a former version: {became}"
