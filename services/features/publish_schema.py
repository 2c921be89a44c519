"""`python -m services.features.publish_schema`: write down which features this version computes, for those who read them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from services.features.families.registry import SCHEMA
from shared.models import feature_schema


def published_text() -> bytes:
    """Give the schema as the file holds it."""
    return msgspec.json.format(msgspec.json.encode(SCHEMA), indent=1) + b"\n"


def main() -> None:
    """Write the file beside its reader."""
    (Path(feature_schema.__file__).parent / feature_schema.PUBLISHED).write_bytes(published_text())


if __name__ == "__main__":
    main()
