"""`python -m services.features`: wiring only."""

from __future__ import annotations

import threading

from services.features.bootstrap import features_service
from services.features.settings import FeaturesSettings
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.process import run_service
from shared.settings import TableSettings, load_settings
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run features until told to stop."""
    settings, calendar = (
        load_settings(FeaturesSettings),
        TradingCalendar.load(load_settings(TableSettings).calendar_table),
    )
    return serve(features_service(settings, calendar, ContractTable.load()), stop)


if __name__ == "__main__":
    run_service(main)
