"""What every process of one installation reads: dated tables and settings.

To read and check them takes no array: what does, the handlers, is imported when one is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Self

from services.executor.settings import ExecutorSettings
from services.features.settings import FeaturesSettings
from services.ingest.settings import IngestSettings
from services.predictor.settings import PredictorSettings
from services.risk.settings import RiskSettings
from services.trainer.settings import TrainerSettings
from shared.market.calendar import TradingCalendar
from shared.market.contracts import ContractTable
from shared.market.costs import CostTable
from shared.market.margin_table import MarginTable
from shared.market.participant_files import PublishedPositions
from shared.market.quote_table import QuoteTable
from shared.market.variance_clock import VarianceClock
from shared.models.feature_schema import FeatureSchema
from shared.settings import TableSettings, load_settings

if TYPE_CHECKING:
    from services.ingest.handler import IngestHandler


@dataclass(frozen=True, slots=True)
class InstallationSettings:
    """Dated tables and the settings of every decision service, read once."""

    calendar: TradingCalendar
    clock: VarianceClock
    contracts: ContractTable
    costs: CostTable
    margins: MarginTable
    quotes: QuoteTable
    positions: PublishedPositions
    ingest: IngestSettings
    features: FeaturesSettings
    predictor: PredictorSettings
    risk: RiskSettings
    executor: ExecutorSettings
    trainer: TrainerSettings

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read tables and environment.

        Raises:
            ConfigError: names each wrong variable, what was expected and what came.
            TableError: the user's table cannot be read, or makes no sense.
            BadInputError: a margin or participant file is not as the exchange publishes it.
        """
        tables = load_settings(TableSettings, environ)
        calendar = TradingCalendar.load(tables.place("calendar"))
        return cls(
            calendar=calendar,
            clock=VarianceClock.load(calendar, tables.place("variance")),
            contracts=ContractTable.load(tables.place("contracts")),
            costs=CostTable.load(tables.place("costs")),
            margins=MarginTable.load(tables.place("margin"), files=tables.margin_files),
            quotes=QuoteTable.load(tables.place("quotes")),
            positions=PublishedPositions.read(tables.participant_files),
            ingest=load_settings(IngestSettings, environ),
            features=load_settings(FeaturesSettings, environ),
            predictor=load_settings(PredictorSettings, environ),
            risk=load_settings(RiskSettings, environ),
            executor=load_settings(ExecutorSettings, environ),
            trainer=load_settings(TrainerSettings, environ),
        )

    def assumed(self, on: date) -> tuple[str, ...]:
        """Name the tables that were checked until before a day and are assumed unchanged since, with their last day."""
        tables = (self.calendar, self.contracts, self.costs, self.margins, self.quotes, self.clock)
        return tuple(
            f"{warning.table} since {warning.covered_until:%d-%b-%Y}"
            for table in tables
            for warning in table.staleness(on)
        )

    def ingest_handler(self, book: str) -> IngestHandler:
        """Make the gate through which chains enter a book."""
        from services.ingest.handler import IngestHandler  # noqa: PLC0415 - see the module

        return IngestHandler(book, self.ingest, self.calendar, self.contracts, quotes=self.quotes)

    def schema(self) -> FeatureSchema:
        """Give names, units and id of the features this installation computes.

        Raises:
            PluginError: a family that the settings add is not there or cannot be used.
        """
        from services.features.families.registry import feature_set  # noqa: PLC0415 - see the module

        return feature_set(self.features.families).schema
