"""The clock of this process: the machine's, or the one that the processes of a rehearsal share."""

from __future__ import annotations

from collections.abc import Mapping

from shared.clock import PacedClock, ProcessClock, SystemClock
from shared.settings import ClockSettings, load_settings


def process_clock(environ: Mapping[str, str] | None = None) -> ProcessClock:
    """Give the clock that the environment asks for.

    Args:
        environ: variables; the process's own when None.

    Raises:
        ConfigError: a setting of the clock is wrong.
    """
    settings = load_settings(ClockSettings, environ)
    if settings.shown_ns is None or settings.since_ns is None:
        return SystemClock()
    return PacedClock(settings.shown_ns, settings.since_ns, settings.rate)
