"""What leaves the house, told by who sends it: the executor's venue, its arming, and what it is believed to hold."""

from __future__ import annotations

from enum import StrEnum

from shared.events.base import Event, Record


class VenueMode(StrEnum):
    """OFF: nothing leaves the house. DRY_RUN: what would leave it is only said. LIVE: it is sent."""

    OFF = "off"
    DRY_RUN = "dry_run"
    LIVE = "live"


class HeldValue(Record, frozen=True, kw_only=True):
    """One variable of a venue that keeps a value for each.

    Attributes:
        value: that was stored last, as far as the venue says so; None when nobody knows.
        since: clock when it was sent, ns UTC; None when nobody knows.
        signal_id, contract: of the entry behind the value; empty for a 0.
        unconfirmed: value of a newer write whose end is not known, or not known for sure; None without one.
        unconfirmed_since: clock when that was sent last, ns UTC.
        unconfirmed_state: how its answer stands: sent, unknown, failed, accepted.
    """

    variable: int
    value: int | None = None
    since: int | None = None
    signal_id: str = ""
    contract: str = ""
    unconfirmed: int | None = None
    unconfirmed_since: int | None = None
    unconfirmed_state: str = ""


class VenueState(Event, frozen=True, kw_only=True):
    """What the executor does with a book's decisions: by its own settings and the day's arming, at every change and each minute.

    Attributes:
        mode: of the executor's settings.
        venue: name; empty with OFF.
        armed: whether entries may be sent now; exits are sent with LIVE in any case.
        reason: why they may not, empty when they may or nothing is sent at all.
        killed: whether the kill file is there.
        held: what each variable is believed to hold.
    """

    mode: VenueMode
    venue: str = ""
    armed: bool = False
    reason: str = ""
    killed: bool = False
    held: tuple[HeldValue, ...] = ()
