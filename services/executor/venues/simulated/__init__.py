"""An exchange in this process: the reference of an order venue."""

from __future__ import annotations

from typing import Final

from services.executor.venues.simulated.exchange import SimulatedExchange

VENUE: Final = SimulatedExchange
