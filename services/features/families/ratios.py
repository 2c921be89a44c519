"""Put-call ratios: above 1 there are more puts."""

from __future__ import annotations

import numpy as np

from services.features.families.declaration import Feature, ratio
from services.features.state.chain_arrays import CALL, OI, PUT, VOLUME
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_USAGE = "common usage"

FEATURES = (
    Feature("pcr_oi", "ratio", "put OI / call OI, all strikes", _USAGE),
    Feature("pcr_oi_band", "ratio", "put OI / call OI, ATM band", _USAGE),
    Feature("pcr_volume", "ratio", "put volume / call volume of the day, all strikes", _USAGE),
    Feature("pcr_premium", "ratio", "sum of put price x volume / sum of call price x volume, all strikes", _USAGE),
    Feature("pcr_oi_shift_15m", "ratio", "pcr_oi - pcr_oi 15 minutes ago", _USAGE, warm_up=15, needs_history=True),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    calls, puts = now.totals
    band_calls, band_puts = now.band_totals
    pcr = ratio(puts[OI], calls[OI])
    paid = np.where(now.price == now.price, now.price, 0.0)
    volume = now.counts[:, VOLUME]
    call_turnover, put_turnover = float(paid[CALL].dot(volume[CALL])), float(paid[PUT].dot(volume[PUT]))
    then = past.session.before(now.ts, 15.0) if past is not None else None
    return (
        pcr,
        ratio(band_puts[OI], band_calls[OI]),
        ratio(puts[VOLUME], calls[VOLUME]),
        ratio(put_turnover, call_turnover),
        pcr - ratio(then.put_oi, then.call_oi) if then is not None else NAN,
    )
