"""The pure part of ingest: what was parsed goes in, snapshots, clock ticks and alerts come out."""

from __future__ import annotations

from collections import Counter
from datetime import date

import msgspec

from services.ingest.quality.gates import Accepted, LastGood, judge_content, keep
from services.ingest.quality.stamp import FailedGate, object_to_age, object_to_date, object_to_order, session_of
from services.ingest.settings import IngestSettings
from services.ingest.state import STATE_VERSION, IngestDay, IngestState
from shared.clock import NS_PER_SECOND, ist_date
from shared.errors import TableError
from shared.events import Alert, ChainSnapshot, ClockTick, Event, FeedKind, Header, QualityFlag, Severity
from shared.market.calendar import Session, TradingCalendar
from shared.market.chain import BadCapture, DataVerdict, Parsed, ParsedChain
from shared.market.contracts import ContractTable
from shared.market.quote_table import QuoteTable

PRODUCER = "ingest"
TICK_SUFFIX = "tick"
FALLBACK_SUFFIX = "fallback"
_TOLD = 3
VOLUME_PATIENCE = 2
"""Chains in a row refused for fallen volumes or for quotes too wide before the next is believed."""

_PATIENT = frozenset({DataVerdict.VOLUME_BACK, DataVerdict.WIDE_BOOK})


class IngestHandler:
    """Turns parsed chains of one book into its `chain` events.

    Every chain becomes a snapshot or a counted refusal. Clock ticks lie on round multiples of the beat within the
    session; a replay of what live recorded gives the same events, because live ticks wait until no acceptable
    snapshot can come before them.

    Args:
        book: key of the events.
        settings: what snapshots must be like.
        calendar: sessions by date.
        contracts: contract terms by date.
        feed: kind of the source, told with every event.
        quotes: how wide a quote may be by date; the packaged bounds when None.
    """

    def __init__(
        self,
        book: str,
        settings: IngestSettings,
        calendar: TradingCalendar,
        contracts: ContractTable,
        feed: FeedKind = FeedKind.PLAYED,
        quotes: QuoteTable | None = None,
    ) -> None:
        self.book = book
        self.feed = feed
        self.refusals: Counter[DataVerdict] = Counter()
        self._settings = settings
        self._calendar = calendar
        self._contracts = contracts
        self._quotes = quotes or QuoteTable.load()
        self._beat_ns = settings.beat_s * NS_PER_SECOND
        self._seq = 0
        self._today: IngestDay | None = None
        self._last: LastGood | None = None
        self._last_event_ns: int | None = None
        self._last_snapshot_ns: int | None = None
        self._alerted: dict[DataVerdict, str] = {}
        self._alerts = 0
        self._front_checked = ""
        self._volume_backs = 0

    @property
    def snapshots_and_ticks(self) -> int:
        """Number of chain events given so far: the sequence number of the last."""
        return self._seq

    @property
    def last_snapshot_ns(self) -> int | None:
        """Event time of the newest snapshot, ns UTC."""
        return self._last_snapshot_ns

    def accept(self, item: Parsed) -> list[Event]:
        """Take one parsed chain or refusal and give what follows, in order."""
        if isinstance(item, BadCapture):
            text = item.text if item.where in item.text else f"{item.text} ({item.where})"
            return self._refuse(item.verdict, text, item.stamp_ns)
        judged = self._judge(item)
        if isinstance(judged, FailedGate):
            return self._refuse(judged.verdict, f"{judged.text} ({item.source})", item.stamp_ns)
        accepted, session = judged
        aside = self._note_set_aside(item)
        events = self._begin_day(session)
        events += self._check_front(accepted, item, session)
        events += self._ticks_until(item.stamp_ns - 1)
        events.append(self._snapshot(item, accepted, session))
        events += self._ticks_until(item.stamp_ns)
        return events + aside

    def refused_since(self, before: Counter[DataVerdict]) -> DataVerdict | None:
        """Say why the chain taken since `before`, a copy of the refusals, was refused; None when it was not.

        Parts set aside are counted among the refusals, and refuse no chain.
        """
        return next((verdict for verdict in self.refusals - before if verdict is not DataVerdict.SET_ASIDE), None)

    def advance(self, now_ns: int, *, stand_in: bool = False) -> list[Event]:
        """Give the ticks of a silent feed up to `now_ns` less the age at which a stamp would be refused as stale.

        With `stand_in`, once the silence is that long by event time and no longer than `fallback_limit_s`, the last
        good chain of the session follows each tick, flagged FALLBACK: to be shown and to close positions at, never
        to open one.
        """
        due = now_ns - self._settings.stale_after_s * NS_PER_SECOND
        events: list[Event] = []
        session = self._session(ist_date(due))
        if session is not None and due >= session.open_ns:
            events += self._begin_day(session)
        return events + self._ticks_until(due, stand_in=stand_in)

    def end_of_day(self) -> list[Event]:
        """Give the ticks up to and including the close of the session last seen, nothing when they are out already."""
        return [] if self._today is None else self._ticks_until(self._today.close_ns)

    def resume(self, seq: int, ts: int) -> None:
        """Go on behind what is out already, where the state is older than that or lost.

        Args:
            seq: sequence of the last chain event published; a state that has come as far stays as it is.
            ts: its event time, ns UTC.
        """
        if seq <= self._seq:
            return
        self._seq = seq
        # What the last event was is not known: were it a snapshot, its stamp must not come again.
        self._last_event_ns = self._last_snapshot_ns = ts
        session = self._session(ist_date(ts))
        if session is not None:
            self._begin_day(session)
        if self._today is not None and self._today.next_tick_ns <= ts:
            behind = (ts // self._beat_ns + 1) * self._beat_ns
            self._today = msgspec.structs.replace(self._today, next_tick_ns=behind)

    def checkpoint(self) -> bytes:
        """Give the whole state."""
        return msgspec.json.encode(
            IngestState(
                version=STATE_VERSION,
                book=self.book,
                seq=self._seq,
                today=self._today,
                last=self._last,
                last_event_ns=self._last_event_ns,
                last_snapshot_ns=self._last_snapshot_ns,
                refusals={verdict.value: count for verdict, count in self.refusals.items()},
                alerted={verdict.value: day for verdict, day in self._alerted.items()},
                alerts=self._alerts,
                front_checked=self._front_checked,
                volume_backs=self._volume_backs,
            )
        )

    def restore(self, state: bytes) -> None:
        """Become what `checkpoint` described; ValueError for anything else."""
        try:
            found = msgspec.json.decode(state, type=IngestState)
        except msgspec.DecodeError as error:
            raise ValueError(f"expected a state of ingest, got {error}") from error
        if found.version != STATE_VERSION or found.book != self.book:
            raise ValueError(
                f"expected state version {STATE_VERSION} of book {self.book}, got {found.version} of {found.book}"
            )
        self._seq = found.seq
        self._today = found.today
        self._last = found.last
        self._last_event_ns = found.last_event_ns
        self._last_snapshot_ns = found.last_snapshot_ns
        self.refusals = Counter({DataVerdict(name): count for name, count in found.refusals.items()})
        self._alerted = {DataVerdict(name): day for name, day in found.alerted.items()}
        self._alerts = found.alerts
        self._front_checked = found.front_checked
        self._volume_backs = found.volume_backs

    def _judge(self, chain: ParsedChain) -> tuple[Accepted, Session] | FailedGate:
        settings = self._settings
        if chain.underlying != settings.underlying:
            return FailedGate(DataVerdict.WRONG_UNDERLYING, f"expected {settings.underlying}, got {chain.underlying!r}")
        session = session_of(chain, self._calendar)
        if not isinstance(session, Session):
            return session
        objection = (
            object_to_date(chain)
            or object_to_age(chain, session, settings.stale_after_s)
            or object_to_order(chain.stamp_ns, self._last_snapshot_ns, self._last_event_ns)
        )
        if objection is not None:
            return objection
        patience = self._volume_backs < VOLUME_PATIENCE
        judged = judge_content(chain, self._last, settings, self._quotes, patience=patience)
        if isinstance(judged, Accepted):
            self._volume_backs = 0
            return judged, session
        self._volume_backs += judged.verdict in _PATIENT
        return judged

    def _snapshot(self, chain: ParsedChain, accepted: Accepted, session: Session) -> ChainSnapshot:
        quality = accepted.quality
        last_ns = self._last_snapshot_ns
        silence = self._settings.stale_after_s * NS_PER_SECOND
        if last_ns is not None and last_ns >= session.open_ns and chain.stamp_ns - last_ns > silence:
            quality = (*quality, QualityFlag.AFTER_GAP)
        self._last = keep(accepted, chain.stamp_ns)
        self._last_snapshot_ns = self._last_event_ns = chain.stamp_ns
        self._seq += 1
        return ChainSnapshot(
            header=Header.root(book=self.book, ts=chain.stamp_ns, seq=self._seq, producer=PRODUCER),
            underlying=chain.underlying,
            received_ns=chain.received_ns,
            spot=accepted.spot,
            vix=chain.vix,
            expiries=accepted.expiries,
            source=chain.source,
            quality=quality,
            previous_close=chain.previous_close,
            feed=self.feed,
        )

    def _check_front(self, accepted: Accepted, chain: ParsedChain, session: Session) -> list[Event]:
        # The feed's own expiries hold; where the dated tables expect another front, nothing is opened and a person
        # should look. Once for each front of a day: one can go missing at any minute.
        front = accepted.expiries[0].expiry
        checked = f"{session.day.isoformat()} {front}"
        if self._front_checked == checked:
            return []
        self._front_checked = checked
        try:
            expected = self._contracts.next_expiry(chain.underlying, session.day, self._calendar).isoformat()
        except TableError as error:
            return [self._alert("ingest.contract_table", str(error), chain.stamp_ns)]
        if front == expected:
            return []
        text = f"expected the nearest expiry {expected} by the contract table, got {front} ({chain.source})"
        return [self._alert("ingest.front_expiry", text, chain.stamp_ns, Severity.CRITICAL)]

    def _session(self, day: date) -> Session | None:
        try:
            return self._calendar.session(day)
        except TableError:
            return None

    def _begin_day(self, session: Session) -> list[Event]:
        day = session.day.isoformat()
        if self._today is not None and self._today.day == day:
            return []
        closing = self.end_of_day()
        first = -(-session.open_ns // self._beat_ns) * self._beat_ns
        self._today = IngestDay(day=day, open_ns=session.open_ns, close_ns=session.close_ns, next_tick_ns=first)
        return closing

    def _ticks_until(self, limit_ns: int, *, stand_in: bool = False) -> list[Event]:
        today = self._today
        if today is None:
            return []
        ticks: list[Event] = []
        beat = today.next_tick_ns
        while beat <= min(limit_ns, today.close_ns):
            self._seq += 1
            header = Header.root(book=self.book, ts=beat, seq=self._seq, producer=PRODUCER, suffix=TICK_SUFFIX)
            ticks.append(ClockTick(header=header, last_snapshot_ts=self._last_snapshot_ns, feed=self.feed))
            self._last_event_ns = beat
            if stand_in:
                ticks += self._stand_in(beat, today)
            beat += self._beat_ns
        if ticks:
            self._today = msgspec.structs.replace(today, next_tick_ns=beat)
        return ticks

    def _stand_in(self, ts: int, today: IngestDay) -> list[Event]:
        settings, last = self._settings, self._last
        if last is None or last.stamp_ns < today.open_ns:
            return []
        age_s = (ts - last.stamp_ns) / NS_PER_SECOND
        if not settings.stale_after_s <= age_s <= settings.fallback_limit_s:
            return []
        self._seq += 1
        return [
            ChainSnapshot(
                header=Header.root(book=self.book, ts=ts, seq=self._seq, producer=PRODUCER, suffix=FALLBACK_SUFFIX),
                underlying=settings.underlying,
                received_ns=None,
                spot=last.spot,
                vix=None,
                expiries=last.expiries,
                source=FALLBACK_SUFFIX,
                quality=(QualityFlag.STALE, QualityFlag.FALLBACK),
                feed=self.feed,
            )
        ]

    def _note_set_aside(self, chain: ParsedChain) -> list[Event]:
        aside = chain.set_aside
        if not aside.count:
            return []
        self.refusals[DataVerdict.SET_ASIDE] += aside.count
        text = f"{aside.count} parts of a chain were left out ({chain.source}): {'; '.join(aside.examples[:_TOLD])}"
        return self._once_a_day(DataVerdict.SET_ASIDE, text, chain.stamp_ns)

    def _refuse(self, verdict: DataVerdict, text: str, stamp_ns: int | None) -> list[Event]:
        self.refusals[verdict] += 1
        ts = stamp_ns if stamp_ns is not None else self._last_event_ns or 0
        return self._once_a_day(verdict, text, ts)

    def _once_a_day(self, verdict: DataVerdict, text: str, ts: int) -> list[Event]:
        day = ist_date(ts).isoformat()
        if self._alerted.get(verdict) == day:
            return []
        self._alerted[verdict] = day
        return [self._alert(f"ingest.{verdict.value}", text, ts)]

    def _alert(self, code: str, text: str, ts: int, severity: Severity = Severity.WARNING) -> Alert:
        self._alerts += 1
        suffix = f"alert{self._alerts}"
        header = Header.root(book=self.book, ts=ts, seq=self._seq, producer=PRODUCER, suffix=suffix)
        return Alert(header=header, severity=severity, code=code, text=text)
