"""What an import refused or left out, in words, kept beside the store: <root>/quarantine/<hash of the content>.jsonl.

The files themselves stay with whoever has them; here is what was expected, what came and where, one a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.ids import content_hash
from shared.market.chain import BadCapture
from shared.store.layout import replace_synced

_FOLDER = "quarantine"


def put_aside(root: Path, refusals: Sequence[BadCapture]) -> Path | None:
    """Write refusals whole or not at all; give their place, None when there are none.

    The same refusals of the same files have the same place, so an import that is repeated adds nothing.
    """
    if not refusals:
        return None
    content = b"".join(msgspec.json.encode(refusal) + b"\n" for refusal in refusals)
    folder = root / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{content_hash(content)}.jsonl"
    if not place.exists():
        unfinished = place.with_suffix(".unfinished")
        unfinished.write_bytes(content)
        replace_synced(unfinished, place)
    return place
