"""Returns of the forward."""

from __future__ import annotations

import math

from services.features.families.declaration import Feature, WarmUpUnit, missing
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN

_HORIZONS = (5, 15, 30, 60)
_LOG = "log return of the front forward"

FEATURES = (
    *(
        Feature(
            f"return_{minutes}m",
            "log return",
            f"{_LOG} since the newest snapshot at least {minutes} minutes old and at most {max(1.5, minutes / 2):g} older",
            "definition",
            warm_up=minutes,
            needs_history=True,
        )
        for minutes in _HORIZONS
    ),
    Feature(
        "return_session",
        "log return",
        f"{_LOG} since the first snapshot of the session",
        "definition",
        needs_history=True,
    ),
    Feature(
        "return_overnight",
        "log return",
        f"{_LOG} from the last close, same expiry, to the first snapshot",
        "definition",
        warm_up=1,
        warm_up_unit=WarmUpUnit.SESSIONS,
        needs_history=True,
    ),
    Feature(
        "return_last_session",
        "log return",
        f"{_LOG} over the session before, first to last snapshot",
        "definition",
        warm_up=1,
        warm_up_unit=WarmUpUnit.SESSIONS,
        needs_history=True,
    ),
)


def compute(now: CrossSection, past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    if past is None:
        return missing(FEATURES)
    forward, session = now.money.forward if now.money is not None else NAN, past.session
    earlier = (session.before(now.ts, minutes) for minutes in _HORIZONS)
    return (
        *(math.log(forward / then.forward) if then is not None else NAN for then in earlier),
        math.log(forward / session.whole.open),
        session.overnight,
        past.days.last_return,
    )
