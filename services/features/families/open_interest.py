"""Where open interest stands and where it grows."""

from __future__ import annotations

from services.features.families.declaration import Feature, balance, ratio
from services.features.state.chain_arrays import CALL, OI, OI_CHANGE, PUT, FloatArray
from services.features.state.cross_section import BAND_STRIKES, CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_EXCHANGE = "exchange OI, contracts x units per lot"
_SHARE = "exchange OI; the lot size cancels"
_BAND = f"within {BAND_STRIKES} strikes of the money"

FEATURES = (
    Feature("oi_call_units", "units", "sum of call OI over all strikes", _EXCHANGE),
    Feature("oi_put_units", "units", "sum of put OI over all strikes", _EXCHANGE),
    Feature("oi_call_band_share", "0 to 1", f"sum of call OI {_BAND} / sum over all strikes", _SHARE),
    Feature("oi_put_band_share", "0 to 1", f"sum of put OI {_BAND} / sum over all strikes", _SHARE),
    Feature("oi_call_change_share", "share of OI", "the day's change in call OI / call OI, all strikes", _SHARE),
    Feature("oi_put_change_share", "share of OI", "the day's change in put OI / put OI, all strikes", _SHARE),
    Feature(
        "oi_call_build_share", "share of OI", f"the day's change in call OI {_BAND} / call OI, all strikes", _SHARE
    ),
    Feature("oi_put_build_share", "share of OI", f"the day's change in put OI {_BAND} / put OI, all strikes", _SHARE),
    Feature(
        "oi_change_imbalance",
        "-1 to 1",
        "(P - C) / (|P| + |C|): the day's change in put OI (P) and in call OI (C), all strikes",
        "put writing as support, call writing as resistance",
    ),
    Feature(
        "oi_build_imbalance",
        "-1 to 1",
        f"(P - C) / (|P| + |C|): the day's change in put OI (P) and in call OI (C) {_BAND}",
        "put writing as support, call writing as resistance",
    ),
    Feature("oi_call_max_distance", "fraction of forward", "strike with most call OI / forward - 1", _SHARE),
    Feature("oi_put_max_distance", "fraction of forward", "strike with most put OI / forward - 1", _SHARE),
    Feature("oi_call_concentration", "0 to 1", "sum of squared shares of call OI by strike", "Herfindahl (1950)"),
    Feature("oi_put_concentration", "0 to 1", "sum of squared shares of put OI by strike", "Herfindahl (1950)"),
    Feature("oi_centre_distance", "fraction of forward", "OI-weighted mean strike of both sides / forward - 1", _SHARE),
    Feature(
        "oi_call_growth_15m",
        "fraction",
        "call OI / call OI 15 minutes ago - 1",
        _SHARE,
        warm_up=15,
        needs_history=True,
    ),
    Feature(
        "oi_put_growth_15m", "fraction", "put OI / put OI 15 minutes ago - 1", _SHARE, warm_up=15, needs_history=True
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    calls, puts = now.totals
    band_calls, band_puts = now.band_totals
    call_oi, put_oi = now.counts[CALL, OI], now.counts[PUT, OI]
    forward = now.money.forward if now.money is not None else NAN
    then = past.session.before(now.ts, 15.0) if past is not None else None
    centre = ratio(float((call_oi + put_oi).dot(now.strikes)), calls[OI] + puts[OI])
    return (
        calls[OI] * now.lot_size,
        puts[OI] * now.lot_size,
        ratio(band_calls[OI], calls[OI]),
        ratio(band_puts[OI], puts[OI]),
        ratio(calls[OI_CHANGE], calls[OI]),
        ratio(puts[OI_CHANGE], puts[OI]),
        ratio(band_calls[OI_CHANGE], calls[OI]),
        ratio(band_puts[OI_CHANGE], puts[OI]),
        balance(puts[OI_CHANGE], calls[OI_CHANGE]),
        balance(band_puts[OI_CHANGE], band_calls[OI_CHANGE]),
        _largest(now.strikes, call_oi, calls[OI]) / forward - 1.0,
        _largest(now.strikes, put_oi, puts[OI]) / forward - 1.0,
        ratio(float(call_oi.dot(call_oi)), calls[OI] * calls[OI]),
        ratio(float(put_oi.dot(put_oi)), puts[OI] * puts[OI]),
        centre / forward - 1.0,
        ratio(calls[OI], then.call_oi) - 1.0 if then is not None else NAN,
        ratio(puts[OI], then.put_oi) - 1.0 if then is not None else NAN,
    )


def _largest(strikes: FloatArray, interest: FloatArray, total: float) -> float:
    return float(strikes[interest.argmax()]) if total > 0.0 else NAN
