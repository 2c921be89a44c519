"""Where in its session, its week and its expiry cycle the market stands. Event time only."""

from __future__ import annotations

from typing import Final

from services.features.families.declaration import Feature
from services.features.state.cross_section import CrossSection
from services.features.state.history import Past
from services.features.state.missing import NAN
from shared.clock import NS_PER_MINUTE

_PHASE_ENDS: Final = ((30.0, 0.0), (135.0, 1.0), (255.0, 2.0))
_CLOSING_MINUTES: Final = 45.0
_CALENDAR = "exchange calendar, dated"

FEATURES = (
    Feature("minutes_from_open", "minutes", "event time - open of the session", _CALENDAR),
    Feature("minutes_to_close", "minutes", "close of the session - event time", _CALENDAR),
    Feature("session_fraction", "0 to 1", "minutes_from_open / length of the session", _CALENDAR),
    Feature(
        "session_phase",
        "0 opening, 1 morning, 2 midday, 3 afternoon, 4 closing",
        "first 30 minutes; to 135; to 255; after; last 45 minutes",
        _CALENDAR,
    ),
    Feature("minutes_to_expiry", "minutes", "dated close of the front expiry - event time", _CALENDAR),
    Feature("days_to_expiry", "calendar days", "date of the front expiry - date of the session", _CALENDAR),
    Feature("is_expiry_day", "0 or 1", "1 when the front expiry ends with this session", _CALENDAR),
    Feature("day_of_week", "0 Monday to 6 Sunday", "weekday of the session", _CALENDAR),
)


def compute(now: CrossSection, _past: Past | None) -> tuple[float, ...]:
    """Compute the family, in order of FEATURES."""
    session, front = now.session, now.front
    from_open = (now.ts - session.open_ns) / NS_PER_MINUTE
    to_close = (session.close_ns - now.ts) / NS_PER_MINUTE
    expiry = (NAN, NAN, NAN)
    if front is not None:
        expiry = (front.minutes, float((front.day - session.day).days), float(front.close_ns == session.close_ns))
    return (
        from_open,
        to_close,
        from_open / (from_open + to_close),
        _phase(from_open, to_close),
        *expiry,
        float(session.day.weekday()),
    )


def _phase(from_open: float, to_close: float) -> float:
    if to_close <= _CLOSING_MINUTES:
        return 4.0
    return next((phase for end, phase in _PHASE_ENDS if from_open < end), 3.0)
