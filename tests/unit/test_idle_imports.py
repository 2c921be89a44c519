"""A process that waits for its work holds no library that only the work needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {"numpy", "scipy"}
TABLES = {"duckdb", "pandas", "pyarrow"}
MODELS = {"optuna", "shap", "sklearn", "torch", "xgboost"}
PAGES = {"httpx", "stamina"}
CONNECT = "import shared.streaming.redis.client"
SYNTHETIC = """
from services.ingest.bootstrap import source_context
from services.ingest.settings import IngestSettings
from services.ingest.sources.registry import sources
from shared.observability.metrics import ServiceMetrics
from shared.settings import load_settings
settings = load_settings(IngestSettings, {})
sources().get("synthetic")(source_context(settings, ServiceMetrics()))
"""
WAITING = {
    "services.trainer": ("", NUMBERS | TABLES | MODELS | PAGES),
    "services.gateway": ("", NUMBERS | TABLES | MODELS | PAGES),
    "services.alerts": ("", NUMBERS | TABLES | MODELS | PAGES),
    "services.recorder": ("", MODELS | PAGES | {"duckdb", "pandas", "scipy"}),
    "services.predictor": ("", TABLES | MODELS | PAGES | {"scipy"}),
    "services.ingest": (SYNTHETIC, TABLES | MODELS | PAGES),
    "trading_system.offline": (
        "from trading_system.installation import InstallationSettings\nInstallationSettings.load({})",
        NUMBERS | TABLES | MODELS | PAGES,
    ),
}


@pytest.mark.parametrize("process", WAITING)
def test_a_process_that_waits_holds_what_waiting_takes(process):
    start, unneeded = WAITING[process]
    code = f"import {process}.__main__\n{CONNECT}\n{start}\nimport sys\nprint(*sorted({unneeded!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)


def test_every_command_is_there_in_an_image_without_the_libraries_of_models():
    code = f"import trading_system.cli.application\nimport sys\nprint(*sorted({MODELS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)
