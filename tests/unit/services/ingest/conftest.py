"""Dated tables and a handler factory for the tests of ingest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.ingest.handler import IngestHandler
from services.ingest.settings import IngestSettings
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable


@pytest.fixture(scope="session")
def calendar() -> TradingCalendar:
    return TradingCalendar.load()


@pytest.fixture(scope="session")
def contracts() -> ContractTable:
    return ContractTable.load()


@pytest.fixture
def make_handler(calendar: TradingCalendar, contracts: ContractTable) -> Callable[..., IngestHandler]:
    def make(**settings: Any) -> IngestHandler:
        return IngestHandler("nifty", IngestSettings(**settings), calendar, contracts)

    return make
