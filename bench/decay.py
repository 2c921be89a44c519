"""Play synthetic days into books whose risk asks what time pays, and into books whose risk does not; print what each earned.

    python -m bench.decay [--days N] [--seed N] [--richness R ...] [--source PATH] [--json]

One market, one run of features and signals, and beside each other:

* `before`: no gate, turned signals close, levels and time exit as they stood when a trade took minutes
* `levels`: the same with the levels and the time exit of today
* `after`: today's defaults, from a book that has seen nothing: richness, holding time and k are learned on the way

Books go on from day to day with all they remember. An operator resumes at each open, so that no latch of one day keeps a
book out of the next; a book that trades more halts more, and would be spared losses by it.

Without an edge the direction of the index earns nothing on average, and is most of what a naked short's result scatters by.
So `index move` is told in two: `direction`, the delta before each step times the step, and `curvature`, the rest. `net less
direction` is the figure with the smaller error. `se` is the standard error of the net over the days.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.executor.bootstrap import executor_service
from services.features.bootstrap import features_service
from services.ingest.sources.recorded.replay import open_replay
from services.ingest.sources.synthetic.source import synthetic_days
from services.predictor.bootstrap import predictor_service
from services.risk.bootstrap import risk_service
from services.risk.settings import RiskSettings
from shared.clock import ist_date
from shared.events import (
    Attribution,
    BookState,
    ChainSnapshot,
    ClockTick,
    Command,
    CommandKind,
    Event,
    Header,
    LimitState,
    Signal,
    Trade,
)
from shared.market.chain import Parsed
from shared.streaming.memory.engine import MemoryEngine
from trading_system.wiring import Installation

_PAISE = 100.0
_NS_PER_MINUTE = 60e9
UNGATED: Mapping[str, object] = {"decay_gate": False, "keep_while_paid": False, "max_daily_costs": 1.0}
FORMER_LEVELS: Mapping[str, object] = {
    "stop_fraction": 0.3,
    "target_fraction": 0.25,
    "trail_fraction": 0.2,
    "max_holding_minutes": 90.0,
}
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "before": {**UNGATED, **FORMER_LEVELS},
    "levels": UNGATED,
    "after": {},
}


@dataclass
class Account:
    """What one book did.

    Attributes:
        net_by_day: rupees, by ISO date.
        direction: what the delta before each step made of the step, rupees.
        worst_stress: most that a limited jump would have cost, rupees.
    """

    trades: list[Trade] = field(default_factory=list)
    net_by_day: dict[str, float] = field(default_factory=dict)
    direction: float = 0.0
    worst_stress: float = 0.0
    _deltas: dict[str, tuple[float, float]] = field(default_factory=dict)

    def observe(self, event: Event) -> None:
        """Take an event of the book in."""
        if isinstance(event, Trade):
            self.trades.append(event)
            day = ist_date(event.header.ts).isoformat()
            self.net_by_day[day] = self.net_by_day.get(day, 0.0) + event.net_pnl_paise / _PAISE
        elif isinstance(event, LimitState):
            used = (use.used for use in event.uses if use.name == "max_stress_loss")
            self.worst_stress = max(self.worst_stress, *used)
        elif isinstance(event, BookState):
            self._mark(event)

    def figures(self, days: int) -> dict[str, float]:
        """Give the row of the table, rupees.

        Args:
            days: played, those without a trade included.
        """
        total = Attribution.total(trade.attribution for trade in self.trades) or Attribution()
        index, time, volatility, spread, charges = (paise / _PAISE for paise in total.parts())
        net, count = sum(self.net_by_day.values()), max(len(self.trades), 1)
        daily = [*self.net_by_day.values(), *([0.0] * (days - len(self.net_by_day)))]
        spread_of_days = math.sqrt(sum((each - net / days) ** 2 for each in daily) / max(days - 1, 1))
        return {
            "trades": float(len(self.trades)),
            "held": sum(trade.holding_ns for trade in self.trades) / count / _NS_PER_MINUTE,
            "turnover": sum((one.entry_price + one.exit_price) * one.lots * one.lot_size for one in self.trades),
            "time": time,
            "direction": self.direction,
            "curvature": index - self.direction,
            "volatility": volatility,
            "spread": spread,
            "charges": charges,
            "net": net,
            "se": spread_of_days * math.sqrt(days),
            "net_less_direction": net - self.direction,
            "stress": self.worst_stress,
        }

    def _mark(self, book: BookState) -> None:
        deltas: dict[str, tuple[float, float]] = {}
        for position in book.live_positions:
            leg = position.legs[0]
            if leg.delta is None or leg.forward is None:
                continue
            known = self._deltas.get(position.order_id)
            if known is not None:
                self.direction += known[0] * (leg.forward - known[1])
            deltas[position.order_id] = (-leg.delta * position.lots * position.lot_size, leg.forward)
        self._deltas = deltas


def market_events(items: Iterable[Parsed], house: Installation) -> Iterator[list[Event]]:
    """Give captures as snapshots, ticks and signals, step by step: all that risk and executor hear of a market."""
    heard: list[Event] = []

    def observe(event: Event) -> None:
        if isinstance(event, ChainSnapshot | ClockTick | Signal):
            heard.append(event)

    upstream = MemoryEngine(
        (
            features_service(house.features, house.calendar, house.contracts, house.clock, house.positions),
            predictor_service(house.predictor, house.schema()),
        ),
        observer=observe,
    )
    ingest = house.ingest_handler("nifty")
    for item in items:
        upstream.publish(ingest.accept(item))
        yield heard.copy()
        heard.clear()
    upstream.publish(ingest.end_of_day())
    yield heard.copy()


def play(
    items: Iterable[Parsed], variants: Mapping[str, Mapping[str, object]], house: Installation
) -> tuple[dict[str, Account], int]:
    """Play captures into a book for each variant of risk's settings; give the accounts and the days played."""
    accounts = {name: Account() for name in variants}
    engines = [_engine(house, changes, accounts[name].observe) for name, changes in variants.items()]
    days: list[str] = []
    for events in market_events(items, house):
        for event in events:
            day = ist_date(event.header.ts).isoformat()
            if not days or days[-1] != day:
                days.append(day)
                resume = _resume(event.header) if len(days) > 1 else None
                for engine in engines:
                    engine.publish([] if resume is None else [resume])
            for engine in engines:
                engine.publish([event])
    return accounts, len(days)


def _engine(house: Installation, changes: Mapping[str, object], observe: Callable[[Event], None]) -> MemoryEngine:
    risk = RiskSettings(**{**house.risk.model_dump(), **changes})
    executor = executor_service(
        house.executor, house.calendar, house.costs, house.clock, house.contracts, house.margins
    )
    return MemoryEngine((risk_service(risk, house.margins), executor), observer=observe)


def _resume(before: Header) -> Command:
    header = Header.root(book=before.book, ts=before.ts, seq=before.seq, producer="operator", suffix="open")
    return Command(header=header, kind=CommandKind.RESUME, operator="bench", reason="a new day")


def table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Give the rows as a Markdown table."""
    names = list(next(iter(rows.values())))
    yield f"| | {' | '.join(name.replace('_', ' ') for name in names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for label, figures in rows.items():
        yield f"| {label} | {' | '.join(f'{figures[name]:,.0f}' for name in names)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--richness", type=float, nargs="+", default=[0.0, 0.2])
    parser.add_argument("--source", help="recorded days instead, as `thetaflow simulate` takes them")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    house, rows = Installation.load(), dict[str, dict[str, float]]()
    markets: dict[str, Iterable[Parsed]] = (
        {str(asked.source): open_replay(asked.source)}
        if asked.source
        else {f"richness {rich:g}": synthetic_days(asked.seed, asked.days, richness=rich) for rich in asked.richness}
    )
    for market, items in markets.items():
        accounts, days = play(items, VARIANTS, house)
        rows |= {f"{market}, {days} days, {name}": one.figures(days) for name, one in accounts.items()}
    print(json.dumps(rows) if asked.json else "\n".join(table(rows)))


if __name__ == "__main__":
    main()
