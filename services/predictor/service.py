"""The predictor as an engine runs it."""

from __future__ import annotations

from services.predictor.handler import PredictorHandler
from services.predictor.settings import PredictorSettings
from shared.learning.feature_schema import FeatureSchema
from shared.streaming.handler import Service


def predictor_service(settings: PredictorSettings, schema: FeatureSchema) -> Service:
    """Make the service; every book gets a handler of its own."""
    return Service(name="predictor", make=lambda book: PredictorHandler(book, settings, schema))
