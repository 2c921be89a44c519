"""Whatever one operator sends, in whatever order: no limit rises, and no day loses more than its hard cap but for a gap.

A market that always turns against what was sold, commands between its steps, risk and executor as they run everywhere.
`THETAFLOW_TEST_CHAOS_N` sets how many: N=1000 tries 10,000 sequences.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.executor.bootstrap import executor_service
from services.executor.settings import ExecutorSettings
from services.risk.bootstrap import risk_service
from services.risk.handler import RiskHandler
from services.risk.settings import TIGHTER, RiskSettings
from shared.clock import NS_PER_MINUTE
from shared.events import BookState, Command, CommandKind, Denial, DenialCode, Event, Order
from shared.market.calendar import TradingCalendar
from shared.market.costs import CostTable
from shared.market.variance_clock import VarianceClock
from tests.builders import CALL, PUT, SHORT_HOLDING, UNGATED, at, candidate, chain_header, market_view, signal, snapshot

_N = os.environ.get("THETAFLOW_TEST_CHAOS_N")
SEQUENCES = int(_N) * 10 if _N else 60
STEPS = 60
MOVE = 8.0
FILE = RiskSettings(
    cool_down_minutes=0.0,
    min_seconds_between_orders=1.0,
    max_consecutive_losses=1_000,
    max_loss_per_trade=0.03,
    max_daily_slippage=0.03,
    max_exposure_per_trade=0.9,
    max_stress_loss=0.5,
    kelly_from="odds",
    prior_win_rate=0.95,
    kelly_fraction=1.0,
    kelly_prior_trades=1e6,
    prior_win_loss_ratio=2.0,
    **UNGATED,
    **SHORT_HOLDING,
)
PUTS, CALLS = 24_400.0, 24_600.0
START = at(10, 0)
CALENDAR = TradingCalendar.load()
EXECUTOR = executor_service(ExecutorSettings(), CALENDAR, CostTable.load(), VarianceClock.load(CALENDAR))
RISK = risk_service(FILE)


def _risk() -> RiskHandler:
    handler = RISK.make("nifty")
    assert isinstance(handler, RiskHandler)
    return handler


@dataclass
class Day:
    """Risk and executor of one book in a market that turns against it, a minute a step."""

    risk: RiskHandler = field(default_factory=_risk)
    step: int = 0
    put: float = 70.0
    call: float = 70.0
    book: BookState | None = None
    denied: list[DenialCode] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.executor = EXECUTOR.make("nifty")

    def minute(self) -> None:
        """Move against what is held, decide anew, and trade."""
        self.step += 1
        ts = START + self.step * NS_PER_MINUTE
        held = self.book.positions if self.book is not None else ()
        self.put = self.put + MOVE if any(each.contract.kind is PUT for each in held) else 70.0
        self.call = self.call + MOVE if any(each.contract.kind is CALL for each in held) else 70.0
        chain = snapshot(
            self.step, ts, puts={PUTS: (self.put, self.put + 0.5)}, calls={CALLS: (self.call, self.call + 0.5)}
        )
        direction = 1 if self.step % 2 else -1
        market = market_view(
            candidate(PUTS, PUT, self.put, self.put + 0.5, -0.35),
            candidate(CALLS, CALL, self.call, self.call + 0.5, 0.35),
        )
        made: list[Event] = list(self.executor.handle(chain))
        made += self.risk.handle(signal(self.step, ts, direction, market=market))
        for event in made:
            if isinstance(event, BookState):
                self.book = event
                self.trade(self.risk.handle(event))

    def trade(self, events: object) -> None:
        """Hand risk's orders to the executor."""
        assert isinstance(events, list | tuple)
        for event in events:
            if isinstance(event, Order):
                self.executor.handle(event)
            elif isinstance(event, Denial):
                self.denied.append(event.code)

    def say(self, kind: CommandKind, limit: str | None = None, value: float | None = None) -> None:
        """Give both the operator's word."""
        ts = START + self.step * NS_PER_MINUTE
        command = Command(
            header=chain_header(self.step, ts).child("cli"),
            kind=kind,
            operator="asha",
            reason="again",
            limit=limit,
            value=value,
        )
        self.executor.handle(command)
        self.trade(self.risk.handle(command))

    @property
    def loss(self) -> float:
        """Of the day so far, rupees."""
        return 0.0 if self.book is None else -(self.book.realised_paise + self.book.unrealised_paise) / 100.0

    @property
    def gap(self) -> float:
        """What the market may take between seeing a limit reached and being out: two steps and the charges, rupees."""
        return FILE.max_positions * FILE.max_lots * 75 * 2 * (MOVE + 0.5) + 1_000.0

    def limits(self) -> dict[str, float]:
        """Give every limit in force."""
        return {name: float(getattr(self.risk._limits.settings, name)) for name in TIGHTER}


CAP = FILE.capital * FILE.max_daily_loss * FILE.hard_day_loss_multiple
WORDS = st.one_of(
    st.tuples(st.sampled_from([kind for kind in CommandKind if kind is not CommandKind.SET_LIMIT])),
    st.tuples(st.just(CommandKind.RESUME)),
    st.tuples(
        st.just(CommandKind.SET_LIMIT),
        st.sampled_from(sorted(TIGHTER)),
        st.floats(min_value=0.0, max_value=2e6, allow_nan=False) | st.integers(0, 50).map(float),
    ),
)


@settings(
    max_examples=SEQUENCES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(words=st.dictionaries(st.integers(1, STEPS), WORDS, max_size=STEPS))
def test_no_sequence_of_commands_raises_a_limit_or_loses_more_than_the_hard_cap(words: dict[int, tuple[object, ...]]):
    day = Day()
    before = day.limits()
    for step in range(1, STEPS + 1):
        day.minute()
        if step in words:
            day.say(*words[step])  # type: ignore[arg-type]
        now = day.limits()
        assert all((now[name] - before[name]) * TIGHTER[name] >= 0.0 for name in TIGHTER)
        before = now
        assert day.loss <= CAP + day.gap


def test_ten_resumes_lose_the_hard_cap_and_no_more():
    day, resumed = Day(), 0
    for _ in range(STEPS * 3):
        day.minute()
        if day.risk._state.halts.latches:
            day.say(CommandKind.RESUME)
            resumed += 1
    assert resumed > 0
    assert 0.8 * CAP < day.loss <= CAP + day.gap
    assert day.book is not None
    assert not day.book.positions
    assert day.denied[-1] in {DenialCode.HARD_DAY_LOSS, DenialCode.DAY_ROOM}
