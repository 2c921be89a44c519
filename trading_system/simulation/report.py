"""What a run did: trade blocks, a summary, the golden hash, and the same as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.clock import from_ns
from shared.events import (
    Alert,
    Attribution,
    BookState,
    ChainSnapshot,
    ClockTick,
    DeadLetter,
    Denial,
    Event,
    Fill,
    Order,
    Position,
    Signal,
    SignalMode,
    Trade,
)
from shared.streaming.protocol.golden import counts, golden_hash
from shared.text.formatting import attribution_line, trade_log_line


@dataclass(slots=True)
class Run:
    """Collects the events of a run as they pass."""

    decisions: list[Event] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    denials: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    peak_paise: dict[str, int] = field(default_factory=dict)
    drawdown_paise: int = 0
    books: dict[str, BookState] = field(default_factory=dict)
    last_ns: int = 0

    def observe(self, event: Event) -> None:
        """Take one event in."""
        self.counts[type(event).__name__] += 1
        self.last_ns = max(self.last_ns, event.header.ts)
        if counts(event):
            self.decisions.append(event)
        if isinstance(event, Trade):
            self.trades.append(event)
        elif isinstance(event, Denial):
            self.denials[event.code.value] += 1
        elif isinstance(event, BookState):
            self._draw_down(event)
        elif isinstance(event, Alert):
            self.alerts.append(event)
        elif isinstance(event, DeadLetter):
            self.dead.append(event)

    def still_held(self) -> list[Position]:
        """Give what the books hold at the end of the run."""
        return [position for _, book in sorted(self.books.items()) for position in book.positions]

    def _draw_down(self, book: BookState) -> None:
        self.books[book.header.book] = book
        peak = max(self.peak_paise.get(book.header.book, book.equity_paise), book.equity_paise)
        self.peak_paise[book.header.book] = peak
        self.drawdown_paise = max(self.drawdown_paise, peak - book.equity_paise)


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """The outcome of a replay. Money in rupees.

    Attributes:
        golden_hash: sha256 over all signals, orders, denials, fills and trades in order.
        snapshots, ticks: that entered the pipeline; `refused` counts what the gates kept out, by verdict.
        signals: directional ones among `signals_all`.
        held: positions at the end by what they live by; `provisional` is their result at the mark, in no other figure.
        win_rate: share of trades with a positive net result; None without trades.
        attribution: net result of the trades by cause, over all that know theirs; None when none does.
        max_drawdown: largest fall of equity, marked at every snapshot.
        assumed: dated tables that were checked until before the last day here, each with the day it was checked until.
        in_sample: a model decided that knew the time it decided on, so the result proves nothing.
    """

    engine: str
    source: str
    book: str
    golden_hash: str
    snapshots: int
    ticks: int
    refused: dict[str, int]
    signals: int
    signals_all: int
    orders: int
    denials: dict[str, int]
    fills: int
    trades: int
    net_pnl: float
    costs: float
    win_rate: float | None
    attribution: Attribution | None
    max_drawdown: float
    dead_letters: int
    alerts: int
    elapsed_s: float
    in_sample: bool
    trade_log: tuple[Trade, ...]
    held: dict[str, int]
    provisional: float
    assumed: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        run: Run,
        *,
        engine: str,
        source: str,
        book: str,
        elapsed_s: float,
        in_sample: bool = False,
        assumed: tuple[str, ...] = (),
    ) -> SimulationReport:
        """Sum a run up."""
        counted, trades = run.counts, run.trades
        wins = sum(trade.net_pnl_paise > 0 for trade in trades)
        directional = sum(isinstance(event, Signal) and event.direction != 0 for event in run.decisions)
        return cls(
            engine=engine,
            source=source,
            book=book,
            golden_hash=golden_hash(run.decisions),
            snapshots=counted[ChainSnapshot.__name__],
            ticks=counted[ClockTick.__name__],
            refused=dict(sorted(run.refusals.items())),
            signals=directional,
            signals_all=counted[Signal.__name__],
            orders=counted[Order.__name__],
            denials=dict(sorted(run.denials.items())),
            fills=counted[Fill.__name__],
            trades=len(trades),
            net_pnl=sum(trade.net_pnl_paise for trade in trades) / 100.0,
            costs=sum(trade.costs_paise for trade in trades) / 100.0,
            win_rate=wins / len(trades) if trades else None,
            attribution=Attribution.total(trade.attribution for trade in trades),
            max_drawdown=run.drawdown_paise / 100.0,
            dead_letters=len(run.dead),
            alerts=len(run.alerts),
            elapsed_s=elapsed_s,
            in_sample=in_sample,
            trade_log=tuple(trades),
            held=dict(sorted(Counter(position.status.value for position in run.still_held()).items())),
            provisional=sum(book.unrealised_paise for book in run.books.values()) / 100.0,
            assumed=assumed,
        )

    def as_json(self) -> dict[str, Any]:
        """Give plain values for `--json`."""
        names = (name for name in self.__slots__ if name != "trade_log")
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.attribution is not None:
            paise = zip(self.attribution.__struct_fields__, self.attribution.parts(), strict=True)
            plain["attribution"] = {name.removesuffix("_paise"): part / 100.0 for name, part in paise}
        plain["elapsed_s"] = round(self.elapsed_s, 3)
        plain["trade_log"] = [trade_log_line(trade) for trade in self.trade_log]
        return plain

    def lines(self) -> Iterator[str]:
        """Give the report as text: a block per trade, then the summary."""
        for trade in self.trade_log:
            yield from trade_block(trade)
            yield ""
        yield from self.summary()

    def summary(self) -> Iterator[str]:
        """Give the summary's lines."""
        seconds = max(self.elapsed_s, 1e-9)
        refused = ", ".join(f"{verdict} {count}" for verdict, count in self.refused.items()) or "none"
        denied = ", ".join(f"{code} {count}" for code, count in self.denials.items()) or "none"
        win_rate = "no trades" if self.win_rate is None else f"{self.win_rate:.0%}"
        yield f"source        {self.source}  (engine {self.engine}, book {self.book})"
        yield f"snapshots     {self.snapshots:,} and {self.ticks:,} clock ticks in {seconds:.2f} s ({self.snapshots / seconds:,.0f}/s)"
        yield f"refused       {refused}"
        yield f"signals       {self.signals:,} directional of {self.signals_all:,}"
        yield f"orders        {self.orders:,}, fills {self.fills:,}, denials: {denied}"
        yield f"trades        {self.trades:,}, win rate {win_rate}"
        yield f"net P&L       Rs {self.net_pnl:,.2f} after costs of Rs {self.costs:,.2f}"
        if self.attribution is not None:
            yield f"made of       {attribution_line(self.attribution)}"
        if self.held:
            held = ", ".join(f"{status} {count}" for status, count in self.held.items())
            yield f"still held    {held}: Rs {self.provisional:,.2f} at the mark, provisional and in no figure above"
        yield f"max drawdown  Rs {self.max_drawdown:,.2f}"
        yield f"dead letters  {self.dead_letters}"
        if self.in_sample:
            yield "WARNING       a model decided here that was trained on this time or later: the result is in-sample"
        if self.assumed:
            yield f"assumed       unchanged since they were checked: {', '.join(self.assumed)}"
        yield f"golden hash   {self.golden_hash}"


def trade_block(trade: Trade) -> Iterator[str]:
    """Give the lines of a trade's log block."""
    left = from_ns(trade.header.ts)
    minutes = timedelta(microseconds=trade.holding_ns // 1_000) / timedelta(minutes=1)
    yield trade_log_line(trade)
    yield (
        f"         {trade.contract.underlying} {trade.contract.expiry}, {trade.lots} lots x {trade.lot_size}; closed "
        f"{left:%Y-%m-%d %H:%M:%S} @ {trade.exit_price:.2f} on {trade.exit_reason.value} after {minutes:.0f} min"
    )
    yield (
        f"         net Rs {trade.net_pnl_paise / 100:,.2f} (costs {trade.costs_paise / 100:,.2f}), "
        f"best +{trade.mfe:.2f}, worst -{trade.mae:.2f} points"
    )
    if trade.attribution is not None:
        yield f"         {attribution_line(trade.attribution)}"
    by_rule = trade.entry.mode is SignalMode.TRADITIONAL
    model = f"{trade.entry.model_version} rule" if by_rule else f"model {trade.entry.model_version}"
    top = ", ".join(f"{part.name} {part.contribution:+.2f}" for part in trade.entry.top_features[:3]) or "none"
    yield f"         regime {trade.entry.regime}, {model}, confidence {trade.entry.confidence:.2f}, top: {top}"
