"""Settings to services: what every process of one installation is made of."""

from __future__ import annotations

from dataclasses import dataclass

from services.executor.bootstrap import executor_service
from services.features.bootstrap import features_service
from services.predictor.bootstrap import predictor_service
from services.risk.bootstrap import risk_service
from services.trainer.bootstrap import trainer_service
from shared.streaming.protocol.handler import Service
from trading_system.installation import InstallationSettings


@dataclass(frozen=True, slots=True)
class Installation(InstallationSettings):
    """An installation that can make its services."""

    def services(self) -> tuple[Service, ...]:
        """Make every service that an engine runs, in the order of the flow."""
        return (
            features_service(self.features, self.calendar, self.contracts, self.clock, self.positions),
            predictor_service(self.predictor, self.schema()),
            risk_service(self.risk, self.margins, self.contracts, self.costs),
            executor_service(
                self.executor, self.calendar, self.costs, self.clock, self.contracts, self.margins, self.quotes
            ),
            trainer_service(self.trainer),
        )
