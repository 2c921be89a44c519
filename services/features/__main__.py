"""`python -m services.features`: wiring only."""

from __future__ import annotations

import threading

from services.features.bootstrap import features_service
from services.features.settings import FeaturesSettings
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.participant_files import PublishedPositions
from shared.market.variance_clock import VarianceClock
from shared.process import run_service
from shared.settings import TableSettings, load_settings
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run features until told to stop."""
    settings, tables = load_settings(FeaturesSettings), load_settings(TableSettings)
    calendar = TradingCalendar.load(tables.place("calendar"))
    clock = VarianceClock.load(calendar, tables.place("variance"))
    contracts = ContractTable.load(tables.place("contracts"))
    positions = PublishedPositions.read(tables.participant_files)
    return serve(features_service(settings, calendar, contracts, clock, positions), stop)


if __name__ == "__main__":
    run_service(main)
