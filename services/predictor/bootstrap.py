"""The predictor as an engine runs it."""

from __future__ import annotations

from services.predictor.handler import PredictorHandler
from services.predictor.settings import PredictorSettings
from services.predictor.strategies.bundles import ModelSource
from services.predictor.strategies.port import StrategyContext
from services.predictor.strategies.registry import strategies
from shared.models.feature_schema import FeatureSchema
from shared.streaming.protocol.handler import Service


def predictor_service(settings: PredictorSettings, schema: FeatureSchema) -> Service:
    """Make the service; every book gets a strategy of its own.

    One strategy is made at once, so that what cannot be made is refused before the first event.

    Raises:
        PluginError: there is no such strategy or model member, or it cannot be used.
        BundleError: a pinned model is not there or cannot be used.
    """
    make_strategy = strategies().get(settings.strategy)
    models = ModelSource(settings.models, schema.id, settings.model, settings.members)

    def make(book: str) -> PredictorHandler:
        context = StrategyContext(book, settings, schema, models)
        return PredictorHandler(context, make_strategy(context))

    make("")
    return Service(name="predictor", make=make)
