"""Runs a rehearsal: every service as on a market day, by a clock of its own, on this machine alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from services.executor.venues.arming import Arming, arm
from services.executor.venues.rehearsal import STAND_IN
from shared.clock import NS_PER_SECOND, PacedClock, monotonic_ns
from shared.events import DayReported, Mode, ModeChanged
from shared.market.calendar import TradingCalendar
from shared.settings import TableSettings, load_settings
from shared.streaming.protocol.client import BrokerClient
from trading_system.modes.schedule import Schedule
from trading_system.offline.settings import OfflineSettings
from trading_system.operations.live import run_live
from trading_system.operations.processes import READY_S
from trading_system.rehearsal.environment import rehearsal_environ
from trading_system.rehearsal.servers import ANSWER, LoopbackServer, site_app, venue_app
from trading_system.rehearsal.tape import copy_history, tape_of

FOLDER: Final = Path("data/rehearsals")
_BEFORE_S: Final = 60
"""Where the clock stands while the processes start: so long before the mode becomes LIVE."""
_OPERATOR: Final = "rehearsal"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is rehearsed.

    Attributes:
        day: a trading day; as it was recorded where the store holds it, of the synthetic market otherwise.
        speed: market seconds per second of the machine.
        book: key of the events.
        store: folder of the recorded days.
        folder: everything of the rehearsal goes here; a new one below `data/rehearsals` when None.
        once: whether it ends with the day's report, instead of going on into the next session.
        warm_up_s: the machine's seconds that the clock stands still at first, in which the processes start.
        environ: settings of the person who rehearses; this process's own when None.
    """

    day: date
    speed: float
    book: str = "nifty"
    store: Path = Path("store")
    folder: Path | None = None
    once: bool = False
    warm_up_s: float = 20.0
    environ: Mapping[str, str] | None = None


def rehearse(
    rehearsal: Rehearsal,
    on_restart: Callable[[str, int, str], None] = lambda _name, _code, _tail: None,
    tell: Callable[[str], None] = lambda _text: None,
) -> DayReported | None:
    """Run the day until interrupted, or with `once` until its report; give that report, None where there was none.

    Args:
        rehearsal: what is rehearsed.
        on_restart: told of a service that ended, its exit code and the end of its output.
        tell: told of the steps of the day.

    Raises:
        BadInputError: the day has no session.
        ConfigError: a setting is wrong.
        EngineError: a service ended before all were ready.
    """
    environ = dict(os.environ if rehearsal.environ is None else rehearsal.environ)
    calendar = TradingCalendar.load(load_settings(TableSettings, environ).calendar_table)
    tape, words = tape_of(rehearsal.day, rehearsal.store, rehearsal.book, calendar)
    offline = load_settings(OfflineSettings, {})
    schedule = Schedule(calendar, offline.live_before_s, offline.offline_after_s)
    session = calendar.session(rehearsal.day)
    assert session is not None  # noqa: S101 - the tape is of a trading day; for the type checker
    live_ns = schedule.phase_at(session.open_ns).since_ns
    shown_ns, since_ns = live_ns - _BEFORE_S * NS_PER_SECOND, monotonic_ns() + int(rehearsal.warm_up_s * NS_PER_SECOND)
    clock = PacedClock(shown_ns, since_ns, rehearsal.speed)
    folder = rehearsal.folder or _new_folder(rehearsal.day)
    tell(f"rehearsing {rehearsal.day} ({words}) at {rehearsal.speed:g} times the market's pace, all of it in {folder}")
    known = copy_history(rehearsal.day, rehearsal.store, folder / "store", rehearsal.book)
    tell(f"{known} stored days before it are known to the features")
    watch = _Watch(rehearsal, schedule, clock, folder / "executor", tell)
    watch.arm_next()
    with ExitStack() as stack:
        site = stack.enter_context(LoopbackServer(site_app(tape, clock, calendar)))
        venue = stack.enter_context(LoopbackServer(venue_app(folder / "venue.jsonl", clock)))
        run_live(
            rehearsal.book,
            directory=folder / "broker",
            logs=folder / "logs",
            spool=folder / "live.spool",
            on_restart=on_restart,
            tell=tell,
            environ=rehearsal_environ(
                environ,
                folder,
                site=site.url,
                venue=venue.url,
                shown_ns=shown_ns,
                since_ns=since_ns,
                rate=rehearsal.speed,
            ),
            ends=watch.look,
            ready_s=max(rehearsal.warm_up_s, READY_S),
        )
    return watch.report


class _Watch:
    """Looks at the modes as they are told, arms the next session, and says when the day is reported."""

    def __init__(
        self, rehearsal: Rehearsal, schedule: Schedule, clock: PacedClock, directory: Path, tell: Callable[[str], None]
    ) -> None:
        self.report: DayReported | None = None
        self._rehearsal = rehearsal
        self._schedule = schedule
        self._clock = clock
        self._directory = directory
        self._tell = tell
        self._armed = ""
        self._mode: tuple[Mode, str] | None = None

    def arm_next(self) -> None:
        """Let the signals of the session that runs or comes go to the venue on this machine."""
        day = self._schedule.phase_at(self._clock.now_ns()).day.isoformat()
        if day != self._armed:
            word = Arming(book=self._rehearsal.book, day=day, operator=_OPERATOR, venue=STAND_IN, answer=ANSWER)
            arm(self._directory, word)
            self._armed = day

    def look(self, client: BrokerClient) -> bool:
        """Follow the day; say whether the rehearsal ends."""
        self.arm_next()
        history, book = client.history(), self._rehearsal.book
        changed, reported = history.newest_of(ModeChanged, book), history.newest_of(DayReported, book)
        if changed is not None and (changed.mode, changed.day) != self._mode:
            self._mode = (changed.mode, changed.day)
            self._tell(f"{changed.mode.value.upper()}, session of {changed.day}, {len(changed.states)} states archived")
        if reported is not None and self.report is None and reported.day == self._rehearsal.day.isoformat():
            self.report = reported
            verdict = {True: "equal to live", False: f"DIFFERS: {reported.text}", None: f"none: {reported.text}"}
            self._tell(f"report of {reported.day} written to {reported.path}; replay {verdict[reported.equal]}")
        return self._rehearsal.once and self.report is not None


def _new_folder(day: date) -> Path:
    number = 1
    while (folder := FOLDER / f"{day.isoformat()}-{number}").exists():
        number += 1
    return folder
