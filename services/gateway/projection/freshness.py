"""How old the market prices are, and whether that is old enough to say so. Pure: the present is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.clock import NS_PER_SECOND, from_ns, ist_date
from shared.errors import TableError
from shared.market.calendar import Session, TradingCalendar
from shared.text.formatting import clock_text

_LIVE_WITHIN_NS = 900 * NS_PER_SECOND
_LATE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Arrival:
    """The newest entry on a book's chain stream.

    Attributes:
        ts: event time of the newest snapshot or clock tick, ns UTC.
        snapshot_ts: event time of the newest snapshot, None before the first.
        arrived_ns: when the broker took the newest snapshot or tick, ns UTC.
        snapshot_arrived_ns: when the broker took the newest snapshot.
    """

    ts: int
    snapshot_ts: int | None
    arrived_ns: int
    snapshot_arrived_ns: int | None


@dataclass(frozen=True, slots=True)
class PriceAge:
    """A judgement on the prices. `age_s` is None when there has been no snapshot; `ready` is what a probe asks."""

    state: Literal["fresh", "late", "stale", "closed", "waiting"]
    feed: Literal["live", "replay", "none"]
    age_s: float | None
    ready: bool
    text: str


def judge(arrival: Arrival | None, now_ns: int, calendar: TradingCalendar, stale_after_s: float) -> PriceAge:
    """Judge the prices of one book.

    A feed whose event times are those of arrival is live: its age is that of the last snapshot's exchange stamp, and
    the session is today's. Any other feed is a replay: its age is the time since the last snapshot arrived, and the
    session is that of the replayed moment. Outside a session no price can be too old.

    Args:
        arrival: newest entry, None when there is none.
        now_ns: the present, ns UTC.
        calendar: sessions of the exchange.
        stale_after_s: limit.
    """
    limit_ns = round(stale_after_s * NS_PER_SECOND)
    if arrival is None:
        return _waiting(_session_at(calendar, now_ns), now_ns, limit_ns)
    replay = abs(arrival.arrived_ns - arrival.ts) > _LIVE_WITHIN_NS
    feed: Literal["live", "replay"] = "replay" if replay else "live"
    moment = arrival.ts if replay else now_ns
    session = _session_at(calendar, moment)
    seen = arrival.snapshot_arrived_ns if replay else arrival.snapshot_ts
    age_ns = None if seen is None else max(0, now_ns - seen)
    age_s = None if age_ns is None else age_ns / NS_PER_SECOND
    last = "no tick yet" if arrival.snapshot_ts is None else f"last tick {_stamp(arrival.snapshot_ts, now_ns)}"
    over = session is None or (replay and arrival.ts + limit_ns >= session.close_ns)
    if over or session is None:
        return PriceAge("closed", feed, age_s, True, f"{'replay at its end' if replay else 'market closed'}, {last}")
    if not replay and now_ns - session.open_ns < limit_ns and (age_ns is None or age_ns > limit_ns):
        return PriceAge("waiting", feed, age_s, True, f"session opened {clock_text(session.open_ns)}, {last}")
    if age_ns is None or age_ns > limit_ns:
        since = "" if age_s is None else f" {age_s:.0f} s ago"
        return PriceAge("stale", feed, age_s, False, f"{last}{since}; limit {stale_after_s:g} s in session")
    late = age_ns > limit_ns * _LATE_SHARE
    return PriceAge("late" if late else "fresh", feed, age_s, True, last)


def _waiting(session: Session | None, now_ns: int, limit_ns: int) -> PriceAge:
    if session is None:
        return PriceAge("closed", "none", None, True, "market closed, no tick yet")
    ready = now_ns - session.open_ns < limit_ns
    text = f"no tick yet in the session that opened {clock_text(session.open_ns)}"
    return PriceAge("waiting" if ready else "stale", "none", None, ready, text)


def _session_at(calendar: TradingCalendar, ns: int) -> Session | None:
    try:
        return calendar.session_at(ns)
    except TableError:
        return None  # a replay from before the calendar's tables has no session to be late in


def _stamp(ns: int, now_ns: int) -> str:
    same_day = ist_date(ns) == ist_date(now_ns)
    return f"{clock_text(ns)} IST" if same_day else f"{from_ns(ns):%d-%b-%Y %H:%M:%S} IST"
