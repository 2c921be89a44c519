"""The predictor as an engine runs it."""

from __future__ import annotations

from services.predictor.handler import PredictorHandler
from services.predictor.settings import PredictorSettings
from services.predictor.strategies.bundles import RegistryBundles
from services.predictor.strategies.model_selector import ModelSelector
from shared.models.feature_schema import FeatureSchema
from shared.streaming.protocol.handler import Service


def predictor_service(settings: PredictorSettings, schema: FeatureSchema) -> Service:
    """Make the service; every book gets a handler of its own.

    Which model begins is settled here, once, so that a handler that is built again begins with the same.

    Raises:
        BundleError: a pinned model is not there or cannot be used.
    """
    if settings.model == "none":
        return Service(name="predictor", make=lambda book: PredictorHandler(book, settings, schema))
    bundles = RegistryBundles(settings.models, schema.id)
    initial = bundles.initial(settings.model)

    def make(book: str) -> PredictorHandler:
        return PredictorHandler(book, settings, schema, ModelSelector(settings, bundles, initial))

    return Service(name="predictor", make=make)
