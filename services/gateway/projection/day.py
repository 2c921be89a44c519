"""The ledger of one book and one day, folded from its events: trades, denials, equity, drawdown."""

from __future__ import annotations

from collections import Counter, deque

from services.gateway.schemas.book import DayAnswer, DenialsAnswer, EquityAnswer
from services.gateway.schemas.events import AttributionAnswer, DenialAnswer, SignalAnswer, TradeAnswer
from shared.events import Attribution, BookState, Denial, Signal, Trade
from shared.text.formatting import direction_label, iso_text

_TRADES_KEPT = 300
_SIGNALS_KEPT = 200
_POINTS_KEPT = 720
_NS_PER_MS = 1_000_000


class EquityCurve:
    """A bounded curve: when it is full every second point goes, and from then on every second one is taken.

    The newest point is always kept beside the thinned ones, so the curve ends where the book stands.
    """

    def __init__(self, limit: int = _POINTS_KEPT) -> None:
        self._limit = limit
        self._points: list[tuple[int, int]] = []
        self._newest: tuple[int, int] | None = None
        self._stride = 1
        self._seen = 0

    def add(self, ts: int, equity_paise: int) -> None:
        """Take the equity at `ts` ns UTC, in paise."""
        point = (ts // _NS_PER_MS, equity_paise)
        self._newest = point
        if self._seen % self._stride == 0:
            self._points.append(point)
            if len(self._points) > self._limit:
                del self._points[1::2]
                self._stride *= 2
        self._seen += 1

    def points(self) -> tuple[tuple[int, int], ...]:
        """Give (ms UTC, paise) in order of time."""
        kept = tuple(self._points)
        if self._newest is None or (kept and kept[-1] == self._newest):
            return kept
        return (*kept, self._newest)


class DayLedger:
    """Folds the events of one book and day into figures. Repeats of a trade are counted once.

    Args:
        day: ISO date in India.
    """

    def __init__(self, day: str) -> None:
        self.day = day
        self.state: BookState | None = None
        self._trades: deque[Trade] = deque(maxlen=_TRADES_KEPT)
        self._trade_ids: set[str] = set()
        self._wins = 0
        self._attribution: Attribution | None = None
        self._signals: deque[Signal] = deque(maxlen=_SIGNALS_KEPT)
        self._directions: Counter[int] = Counter()
        self._denials: Counter[str] = Counter()
        self._last_denial: Denial | None = None
        self._curve = EquityCurve()
        self._peak_paise: int | None = None
        self._drawdown_paise = 0

    def add_state(self, state: BookState) -> None:
        """Take the book after one more step."""
        self.state = state
        self._curve.add(state.header.ts, state.equity_paise)
        peak = state.equity_paise if self._peak_paise is None else max(self._peak_paise, state.equity_paise)
        self._peak_paise = peak
        self._drawdown_paise = max(self._drawdown_paise, peak - state.equity_paise)

    def add_trade(self, trade: Trade) -> None:
        """Take a closed trade."""
        if trade.header.id in self._trade_ids:
            return
        self._trade_ids.add(trade.header.id)
        self._trades.append(trade)
        self._attribution = Attribution.total((self._attribution, trade.attribution))
        self._wins += trade.net_pnl_paise > 0

    def add_signal(self, signal: Signal) -> None:
        """Take a decision of the predictor."""
        self._signals.append(signal)
        self._directions[signal.direction] += 1

    def add_denial(self, denial: Denial) -> None:
        """Take a denial of risk."""
        self._denials[denial.code.value] += 1
        self._last_denial = denial

    def trades(self) -> tuple[TradeAnswer, ...]:
        """Give the day's trades, the newest first."""
        return tuple(TradeAnswer.of(trade) for trade in reversed(self._trades))

    def signals(self) -> tuple[SignalAnswer, ...]:
        """Give the day's decisions that are still kept, the newest first."""
        return tuple(SignalAnswer.of(signal) for signal in reversed(self._signals))

    def denials(self) -> DenialsAnswer:
        """Count the day's denials by code."""
        return DenialsAnswer(
            total=self._denials.total(),
            by_code=dict(sorted(self._denials.items(), key=lambda item: (-item[1], item[0]))),
            last=None if self._last_denial is None else DenialAnswer.of(self._last_denial),
        )

    def equity(self) -> EquityAnswer:
        """Give the day's equity curve."""
        return EquityAnswer(points=self._curve.points())

    def figures(self, dead_letters: int) -> DayAnswer:
        """Sum the day up."""
        state = self.state
        count = len(self._trade_ids)
        return DayAnswer(
            day=self.day or None,
            updated_at=None if state is None else iso_text(state.header.ts),
            pnl_paise=0 if state is None else state.realised_paise + state.unrealised_paise,
            realised_paise=0 if state is None else state.realised_paise,
            unrealised_paise=0 if state is None else state.unrealised_paise,
            provisional_paise=0 if state is None else state.provisional_paise,
            costs_paise=0 if state is None else state.costs_paise,
            trades=count,
            wins=self._wins,
            win_rate=self._wins / count if count else None,
            attribution=None if self._attribution is None else AttributionAnswer.of(self._attribution),
            max_drawdown_paise=self._drawdown_paise,
            equity_paise=None if state is None else state.equity_paise,
            exposure_paise=0 if state is None else state.exposure_paise,
            margin_paise=0 if state is None else state.margin_paise,
            free_paise=None if state is None else state.free_paise,
            margin_basis={} if state is None else {each.underlying: each.source.value for each in state.margin_basis},
            open_positions=0 if state is None else len(state.live_positions),
            pending_orders=0 if state is None else len(state.pending_orders),
            all_trades=0 if state is None else state.statistics.trades,
            all_wins=0 if state is None else state.statistics.wins,
            signals={direction_label(direction): self._directions[direction] for direction in (1, -1, 0)},
            dead_letters=dead_letters,
        )
