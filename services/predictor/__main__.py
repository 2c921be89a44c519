"""`python -m services.predictor`: wiring only."""

from __future__ import annotations

import threading

from services.predictor.bootstrap import predictor_service
from services.predictor.settings import PredictorSettings
from shared.models.feature_schema import published_schema
from shared.process import run_service
from shared.settings import load_settings
from shared.streaming.serving import serve


def main(stop: threading.Event) -> int:
    """Run the predictor until told to stop."""
    settings = load_settings(PredictorSettings)
    return serve(predictor_service(settings, published_schema(settings.families)), stop)


if __name__ == "__main__":
    run_service(main)
