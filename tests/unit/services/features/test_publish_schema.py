"""The schema file beside the readers is the registry's own."""

from __future__ import annotations

from importlib.resources import files

from services.features.families.registry import SCHEMA
from services.features.publish_schema import published_text
from shared.models.feature_schema import PUBLISHED, published_schema


def test_the_published_schema_is_current():
    assert published_schema() == SCHEMA
    written = files("shared.models").joinpath(PUBLISHED).read_bytes()
    assert written == published_text(), "run `python -m services.features.publish_schema`"
