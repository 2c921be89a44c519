"""The columns of one expiry as one array, because a conversion per column would cost more than the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadInputError
from shared.events import ExpiryChain, LegColumns

FloatArray = NDArray[np.float64]

CALL, PUT = 0, 1
BID, ASK, BID_QTY, ASK_QTY, LTP, VOLUME, OI, OI_CHANGE = range(8)
COLUMNS = 8


def pack(chain: ExpiryChain) -> FloatArray:
    """Lay out both sides of an expiry as (side, column, strike), float64, NaN where a number is missing.

    Sides are CALL and PUT, columns BID to OI_CHANGE. Raises BadInputError when a column and the strikes differ in
    length.
    """
    rows = (*_columns(chain.call), *_columns(chain.put))
    _check_lengths(chain, rows)
    return np.array(rows, dtype=np.float64).reshape(2, COLUMNS, len(chain.strikes))


def pack_quotes(chain: ExpiryChain, start: int = 0, stop: int | None = None) -> FloatArray:
    """Lay out the quotes alone, as (side, BID or ASK, strike), of the strikes from `start` up to `stop`."""
    rows = (chain.call.bid, chain.call.ask, chain.put.bid, chain.put.ask)
    _check_lengths(chain, rows)
    flat = np.array([row[start:stop] for row in rows], dtype=np.float64)
    return flat.reshape(2, 2, flat.shape[1])


def _columns(side: LegColumns) -> tuple[tuple[float | None, ...], ...]:
    return side.bid, side.ask, side.bid_qty, side.ask_qty, side.ltp, side.volume, side.oi, side.oi_change


def _check_lengths(chain: ExpiryChain, rows: tuple[tuple[float | None, ...], ...]) -> None:
    strikes = len(chain.strikes)
    if any(len(row) != strikes for row in rows):
        lengths = sorted({len(row) for row in rows})
        raise BadInputError(f"columns of {strikes} entries, one per strike", lengths, f"expiry {chain.expiry}")
