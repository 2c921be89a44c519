"""The page of features is the registry's own, word for word."""

from __future__ import annotations

from pathlib import Path

from services.features.document import features_page
from services.features.families.registry import FEATURE_NAMES

PAGE = Path(__file__).parents[4] / "docs" / "features.md"


def test_every_feature_stands_in_the_page():
    page = features_page()
    assert all(f"| `{name}` |" in page for name in FEATURE_NAMES)


def test_the_page_in_docs_is_current():
    assert PAGE.read_text(encoding="utf-8") == features_page(), (
        "run `python -m services.features.document > docs/features.md`"
    )
