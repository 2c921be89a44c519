"""Features as an engine runs it."""

from __future__ import annotations

from services.features.handler import FeaturesHandler
from services.features.settings import FeaturesSettings
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.participant_files import PublishedPositions
from shared.market.variance_clock import VarianceClock
from shared.streaming.protocol.handler import Service

_CHECKPOINT_EVERY = 20
"""Snapshots folded again after a crash at most: a few milliseconds, against a large state stored at every step."""


def features_service(
    settings: FeaturesSettings,
    calendar: TradingCalendar,
    contracts: ContractTable,
    clock: VarianceClock,
    positions: PublishedPositions,
) -> Service:
    """Make the service; every book gets a handler of its own."""
    return Service(
        name="features",
        make=lambda book: FeaturesHandler(book, settings, calendar, contracts, clock, positions),
        checkpoint_every=_CHECKPOINT_EVERY,
    )
