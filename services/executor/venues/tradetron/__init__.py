"""Tradetron: runtime variables over HTTP, a signal venue."""

from __future__ import annotations

from typing import Final

from services.executor.venues.tradetron.client import Tradetron

VENUE: Final = Tradetron
