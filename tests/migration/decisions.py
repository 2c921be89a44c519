"""Decisions of a replay as lines of text, in names that outlive every layout of the events.

A change that is meant to move code and not outcomes is held against `decisions_v0_1_0.json`, written by `record.py`
at the tag v0.1.0: every price, time, lot and paisa of every signal, order, denial, fill and trade.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from services.ingest.sources.recorded.replay import open_replay
from services.ingest.sources.synthetic.source import synthetic_days
from shared.clock import ist_date
from shared.events import Contract, Denial, Event, Fill, Order, OrderAction, Signal, Trade
from shared.market.calendar import TradingCalendar
from shared.market.chain import Parsed
from shared.market.variance_clock import VarianceClock
from shared.models.feature_schema import published_schema
from shared.streaming.memory.engine import MemoryEngine
from tests.builders import SHORT_HOLDING, UNGATED
from tests.migration.tally import Tally
from trading_system.wiring import Installation

BOOK = "nifty"
HERE = Path(__file__).parent
V0_1_0 = {
    "THETAFLOW_EXECUTOR_STOP_CONFIRMATION": "false",
    "THETAFLOW_QUOTES_TABLE": str(HERE / "quotes_v0_1_0.toml"),
    "THETAFLOW_RISK_MARGIN_OFFSETS": "false",
    "THETAFLOW_VARIANCE_TABLE": str(HERE / "variance_v0_1_0.toml"),
}
"""The rules of v0.1.0: any quote is one and any ask a stop, margins add up, volatilities are counted by the calendar."""
V0_1_0_MARKET = VarianceClock.load(TradingCalendar.load(), HERE / "market_v0_1_0.toml")
"""How the made-up market of v0.1.0 spread its variance over time."""
SYNTHETIC_SEEDS = (11, 12, 13)
SYNTHETIC_DAYS = 20
DEMO_SEED = 7
RECORDED = (
    "nse-chain-1min-20250829",
    "nse-raw-oldapi-2025q4",
    "nse-v3-2026",
    "nse-v3-readme-2026",
    "kite-chain-5min-2026",
    "kite-ltp-atm-2023",
    "nse-csv-download",
    "nse-chain-html-2018-2019",
)

NOT_COMPARED = frozenset(
    (
        # Of v0.1.0, redefined since: contracts became units or shares, a ratio through zero a balance, a sign that nobody
        # knew was left out, and the flip is where revalued gamma is zero.
        *("oi_call_total", "oi_put_total", "oi_call_band", "oi_put_band"),
        *("oi_call_change", "oi_put_change", "oi_call_build", "oi_put_build"),
        *("volume_call", "volume_put", "volume_rate_5m", "pcr_oi_change", "gamma_exposure", "gamma_flip_distance"),
        # What stands in their place.
        *("oi_call_units", "oi_put_units", "oi_call_band_share", "oi_put_band_share"),
        *("oi_call_change_share", "oi_put_change_share", "oi_call_build_share", "oi_put_build_share"),
        *("oi_change_imbalance", "volume_call_units", "volume_put_units", "gamma_gross"),
        *("pro_call_balance", "pro_put_balance", "pro_gamma_balance"),
    )
)
"""Features that no value of v0.1.0 can be held against; the others stand in its order, five of them under another name."""

RENAMED = {"oi_build_imbalance": "oi_put_build"}
"""What the rule calls a reading now, and what v0.1.0 called it: the balance of both builds was always what it read."""

STANDING = tuple(at for at, name in enumerate(published_schema().names) if name not in NOT_COMPARED)


@dataclass
class Decisions:
    """What one replay decided, line by line; trades are kept whole."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    trades: list[str] = field(default_factory=list)

    def observe(self, event: Event) -> None:
        """Take an event of the run in."""
        line = line_of(event)
        if line is None:
            return
        by_value = isinstance(event, Signal)
        self.tallies.setdefault(type(event).__name__, Tally(by_value)).add(line)
        if isinstance(event, Trade):
            self.trades.append(line)

    def summary(self) -> dict[str, list[object]]:
        """Give what `Tally.summary` says, by kind of event."""
        return {kind: tally.summary() for kind, tally in sorted(self.tallies.items())}


def as_v0_1_0() -> Installation:
    """Load an installation whose settings leave out the rules that v0.1.0 did not have.

    Its limits on Greeks contradict its limit of a day, which no file may say any more: they are laid over unchecked.
    """
    house = Installation.load(V0_1_0)
    limits = {"max_stress_loss": 10.0, "max_delta_loss": 0.06, "max_gamma_loss": 0.03, "loss_weight": 0.0}
    stops = {"stop_overshoot": 1.0, "stop_overshoot_expiry_day": 1.0}
    risk = house.risk.model_copy(update={**limits, **stops, **UNGATED, **SHORT_HOLDING, "kelly_from": "odds"})
    return replace(house, risk=risk, executor=house.executor.model_copy(update={"front_expiry_only": False}))


def replayed(items: Iterable[Parsed], decisions: Decisions | None = None) -> Decisions:
    """Replay captures through the whole pipeline in one process with the rules of v0.1.0."""
    house = as_v0_1_0()
    ingest = house.ingest_handler(BOOK)
    decisions = Decisions() if decisions is None else decisions
    engine = MemoryEngine(house.services(), observer=decisions.observe)
    for item in items:
        engine.publish(ingest.accept(item))
    engine.publish(ingest.end_of_day())
    return decisions


def replayed_day_by_day(items: Iterable[Parsed]) -> Decisions:
    """Replay each day into a new book, so that no latch of an earlier day keeps a later one from trading."""
    decisions = Decisions()
    for _, day in groupby(items, key=lambda item: ist_date(item.stamp_ns or 0)):
        replayed(day, decisions)
    return decisions


def synthetic(seed: int, days: int) -> Iterator[Parsed]:
    """Give the chains of a synthetic market."""
    return iter(synthetic_days(seed, days, clock=V0_1_0_MARKET))


def recorded(data: Path, name: str) -> Iterator[Parsed]:
    """Give the captures of one data set."""
    return iter(open_replay(data / name))


def election_day(data: Path) -> Iterator[Parsed]:
    """Give the captures of 23 May 2019 alone, as the visitor's CSV files hold them."""
    return iter(open_replay(data / "nse-csv-download" / "20190523_election_results"))


def line_of(event: Event) -> str | None:
    """Write a decision as one line; None for what is none."""
    if isinstance(event, Signal):
        market = event.market
        quoted = [f"{_name(each.contract)}:{each.bid}/{each.ask}:{each.delta}" for each in market.candidates]
        probabilities = f"{event.p_put_pays} {event.p_call_pays}"
        top = " ".join(f"{RENAMED.get(part.name, part.name)}={part.contribution}" for part in event.top_features)
        features = tuple(event.entry_features[at] for at in STANDING) if event.entry_features else ()
        return (
            f"signal {event.header.ts} {event.direction:+d} {probabilities} {event.confidence} {event.threshold} "
            f"{event.regime} {event.mode.value} {words_of_then(event.reason)} | {market.spot} {market.forward} {market.atm_iv} "
            f"{market.expiry} | {' '.join(quoted)} | {top} | {features}"
        )
    if isinstance(event, Order):
        # An exit of v0.1.0 named the position's stop, which an exchange would have let rest after a gap.
        limit = "-" if event.action is OrderAction.EXIT else event.limit_price
        return (
            f"order {event.header.ts} {event.action.value} {event.side.value} {_name(event.contract)} {event.lots} "
            f"{event.lot_size} {limit} {event.stop_price} {event.target_price} {event.trail_points} "
            f"{event.time_exit_ns} {event.valid_until_ns} {event.margin_paise} {event.quote_price} {words_of_then(event.reason)}"
        )
    if isinstance(event, Denial):
        contract = "" if event.contract is None else _name(event.contract)
        return f"denial {event.header.ts} {event.code.value} {event.direction:+d} {contract} {event.text}"
    if isinstance(event, Fill):
        costs = 0 if event.costs is None else event.costs.total_paise
        return (
            f"fill {event.header.ts} {event.status.value} {event.action.value} {event.side.value} "
            f"{_name(event.contract)} {event.price} {event.lots} {event.lot_size} {costs} {event.text}"
        )
    if isinstance(event, Trade):
        return (
            f"trade {event.entry_ts} {event.header.ts} {event.entry.direction:+d} {_name(event.contract)} {event.lots} "
            f"{event.lot_size} {event.entry_price} {event.exit_price} {event.stop_price} {event.target_price} "
            f"{event.gross_pnl_paise} {event.costs_paise} {event.net_pnl_paise} {event.mfe} {event.mae} "
            f"{event.holding_ns} {event.exit_reason.value}"
        )
    return None


def words_of_then(reason: str) -> str:
    """Give a reason with its readings named as v0.1.0 named them."""
    for now, then in RENAMED.items():
        reason = reason.replace(now, then)
    return reason


def _name(contract: Contract) -> str:
    return f"{contract.underlying}-{contract.expiry}-{contract.strike:g}{contract.kind.value}"
