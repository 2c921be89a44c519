"""How events of earlier versions are read: for each kind, one step from every version to the next.

A step takes and gives the event as plain values, its header included. `VERSION` of the class says which version is the
current one; `check_chain` refuses a class whose chain has a gap. A new field with a default needs a step, too: it may be
`unchanged`, and tells older replicas to wait for their own upgrade instead of failing on the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.layouts import Plain, Upcaster


def unchanged(content: Plain) -> Plain:
    """Raise a version whose successor only has fields with defaults more."""
    return content


UPCASTERS: Final[Mapping[str, Mapping[int, Upcaster]]] = {}
"""Steps by kind of event, then by the version they raise."""
