"""How a value that is not known is written."""

from __future__ import annotations

import math
from typing import Final

NAN: Final = math.nan
"""A quantity that cannot be had from what has been seen; it goes through arithmetic and stays what it is."""
