"""The forward against spot and against the strikes around it."""

from __future__ import annotations

import math

from services.features.families.declaration import Feature, missing, ratio
from services.features.state.cross_section import CrossSection, years_of
from services.features.state.history import Past
from services.features.state.missing import NAN

_PARITY = "Stoll (1969), put-call parity"

FEATURES = (
    Feature("forward_basis", "fraction of spot", "forward / spot - 1; missing without a spot", _PARITY),
    Feature("carry_yearly", "per year", "ln(forward / spot) / years to expiry; missing without a spot", _PARITY),
    Feature("atm_moneyness", "fraction of forward", "strike nearest the forward / forward - 1", "definition"),
    Feature(
        "parity_dispersion",
        "fraction of forward",
        "(highest - lowest parity forward of the five strikes nearest the money) / forward",
        _PARITY,
    ),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    money, front = now.money, now.front
    if money is None or front is None:
        return missing(FEATURES)
    spot = now.snapshot.spot or NAN
    return (
        money.forward / spot - 1.0,
        ratio(math.log(money.forward / spot), years_of(front.minutes)),
        float(now.strikes[money.atm]) / money.forward - 1.0,
        money.dispersion / money.forward,
    )
