"""Gates on the time a chain claims for itself."""

from __future__ import annotations

from typing import NamedTuple

from shared.clock import MAX_AHEAD_NS, NS_PER_SECOND, from_ns, ist_date
from shared.errors import TableError
from shared.market.calendar import Session, TradingCalendar
from shared.market.chain import DataVerdict, ParsedChain


class FailedGate(NamedTuple):
    """Why a chain is refused, and the same in words."""

    verdict: DataVerdict
    text: str


def session_of(chain: ParsedChain, calendar: TradingCalendar) -> Session | FailedGate:
    """Give the session that is open at the stamp, or the objection that none is."""
    try:
        session = calendar.session_at(chain.stamp_ns)
        day = calendar.session(ist_date(chain.stamp_ns))
    except TableError as error:
        return FailedGate(DataVerdict.OFF_SESSION, f"expected a day the calendar knows: {error}")
    if session is not None:
        return session
    note = calendar.note(ist_date(chain.stamp_ns))
    hours = f"no session that day{f': {note}' if note else ''}"
    if day is not None:
        hours = f"the session {_clock(day.open_ns)} to {_clock(day.close_ns)}"
    return FailedGate(
        DataVerdict.OFF_SESSION, f"expected a stamp within a session, got {_shown(chain.stamp_ns)} ({hours})"
    )


def object_to_date(chain: ParsedChain) -> FailedGate | None:
    """Object when file, folder or receipt belong to another day than the stamp: a closed market's repeat."""
    stamped = ist_date(chain.stamp_ns).isoformat()
    if chain.expected_day is not None and chain.expected_day != stamped:
        return FailedGate(
            DataVerdict.WRONG_DATE, f"expected a stamp of {chain.expected_day}, got {_shown(chain.stamp_ns)}"
        )
    if chain.received_ns is None or ist_date(chain.received_ns).isoformat() == stamped:
        return None
    received = _shown(chain.received_ns)
    return FailedGate(
        DataVerdict.WRONG_DATE,
        f"expected a stamp of the day it was received ({received}), got {_shown(chain.stamp_ns)}",
    )


def object_to_age(chain: ParsedChain, session: Session, stale_after_s: int) -> FailedGate | None:
    """Object to a stamp that market time has left behind, or that has not come yet.

    What is received after the close ages only to the close: the closing chain stays the closing chain.
    """
    if chain.received_ns is None:
        return None
    age_ns = min(chain.received_ns, session.close_ns) - chain.stamp_ns
    if age_ns > stale_after_s * NS_PER_SECOND:
        seconds = age_ns // NS_PER_SECOND
        return FailedGate(DataVerdict.STALE_STAMP, f"expected a stamp at most {stale_after_s} s old, got {seconds} s")
    if chain.stamp_ns - chain.received_ns > MAX_AHEAD_NS:
        ahead = (chain.stamp_ns - chain.received_ns) // NS_PER_SECOND
        return FailedGate(DataVerdict.WRONG_DATE, f"expected a stamp not ahead of its receipt, got one {ahead} s ahead")
    return None


def object_to_order(stamp_ns: int, last_snapshot_ns: int | None, last_event_ns: int | None) -> FailedGate | None:
    """Object to a stamp that is not newer than the last: time never goes back."""
    if last_snapshot_ns is not None and stamp_ns == last_snapshot_ns:
        return FailedGate(DataVerdict.REPEATED_STAMP, f"expected a new stamp, got {_shown(stamp_ns)} again")
    newest = max(last_snapshot_ns or 0, last_event_ns or 0)
    if stamp_ns < newest:
        return FailedGate(
            DataVerdict.BACKWARD_STAMP, f"expected a stamp from {_shown(newest)} on, got {_shown(stamp_ns)}"
        )
    return None


def _shown(ns: int) -> str:
    return f"{from_ns(ns):%d-%b-%Y %H:%M:%S}"


def _clock(ns: int) -> str:
    return f"{from_ns(ns):%H:%M}"
