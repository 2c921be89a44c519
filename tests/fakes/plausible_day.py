"""A plausible trading day as the services would tell it, event by event, without any of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared import events as ev
from shared.clock import ist_date, ist_ns

LOT = 75
CAPITAL_PAISE = 100_000_000
_MINUTE = 60_000_000_000
_DENIED = (
    ev.DenialCode.LOW_CONFIDENCE,
    ev.DenialCode.LOW_CONFIDENCE,
    ev.DenialCode.WIDE_SPREAD,
    ev.DenialCode.COOL_DOWN,
    ev.DenialCode.MAX_POSITIONS,
)
_FEATURES = ("pcr_oi", "iv_minus_hv", "oi_change_skew", "ema_gap", "vix_change", "minutes_to_close")
_NO_COLUMNS = dict.fromkeys(ev.LegColumns.__struct_fields__, ())


@dataclass
class _Open:
    order: ev.Order
    entry_ts: int
    entry: float
    best: float
    worst: float


@dataclass
class PlausibleDay:
    """Makes the day's events in the order of their publication.

    Args:
        book: key of every event.
        start_ns: first snapshot.
        snapshots: how many, one a minute.
        seed: of prices and decisions.
        first_seq: sequence of the first snapshot.
    """

    book: str = "nifty"
    start_ns: int = ist_ns(2025, 8, 29, 9, 15, 3)
    snapshots: int = 375
    seed: int = 7
    first_seq: int = 1
    expiry: str = "2025-09-02"
    _open: list[_Open] = field(default_factory=list)
    _realised: int = 0
    _costs: int = 0
    _trades: list[int] = field(default_factory=list)
    _peak: int = CAPITAL_PAISE

    def __iter__(self) -> Iterator[ev.Event]:
        rng = random.Random(self.seed)
        spot = 24_700.0
        for step in range(self.snapshots):
            spot += rng.gauss(0.0, 6.0) + 4 * math.sin(step / 40)
            yield from self._step(step, round(spot, 2), rng)

    def _step(self, step: int, spot: float, rng: random.Random) -> Iterator[ev.Event]:
        ts = self.start_ns + step * _MINUTE
        root = ev.Header.root(book=self.book, ts=ts, seq=self.first_seq + step, producer="ingest")
        iv = 0.115 + 0.01 * math.sin(step / 60)
        chain = ev.ExpiryChain(
            expiry=self.expiry,
            strikes=(),
            call=ev.LegColumns(**_NO_COLUMNS),
            put=ev.LegColumns(**_NO_COLUMNS),
            spot=spot,
        )
        yield ev.ChainSnapshot(
            header=root,
            underlying="NIFTY",
            received_ns=None,
            spot=spot,
            vix=0.1175 + 0.004 * math.sin(step / 50),
            expiries=(chain,),
            source="replay:plausible",
        )
        market = ev.MarketView(
            underlying="NIFTY",
            spot=spot,
            forward=round(spot + 18.5, 2),
            atm_iv=iv,
            expiry=self.expiry,
            minutes_to_expiry=4_000.0 - step,
            minutes_from_open=float(step),
            minutes_to_close=float(375 - step),
            lot_size=LOT,
            quality=(),
            candidates=(),
        )
        features = root.child("features")
        yield ev.FeatureVector(header=features, schema_id="plausible", values=(1.0,), market=market)
        signal = self._signal(features.child("predictor"), market, step, rng)
        yield signal
        yield from self._executed(root, step, rng)
        yield self._state(root.child("executor"))
        yield from self._decided(signal, step, rng)

    def _signal(self, header: ev.Header, market: ev.MarketView, step: int, rng: random.Random) -> ev.Signal:
        direction = (0, 0, 1, -1, 0, -1, 1)[(step // 9) % 7]
        confidence = 0.55 + 0.25 * rng.random() if direction else 0.4 + 0.15 * rng.random()
        words = {
            1: "Put writers add below spot while the forward holds: a fall is not expected.",
            -1: "Call writers add above spot and the trend stalls: a rise is not expected.",
            0: "No side stands out from its costs.",
        }
        return ev.Signal(
            header=header,
            direction=direction,
            p_put_pays=None,
            p_call_pays=None,
            confidence=round(confidence, 3),
            threshold=0.6,
            regime="calm range",
            mode=ev.SignalMode.TRADITIONAL,
            fallback_reason="no model is trained yet",
            model_version="rules-1",
            reason=words[direction],
            top_features=tuple(
                ev.Contribution(name=name, value=rng.random(), contribution=round(rng.gauss(0.0, 0.4), 3))
                for name in _FEATURES
            ),
            schema_id="plausible",
            entry_features=(1.0,),
            strategy="ensemble",
            legs=ev.naked_short(direction),
            market=market,
        )

    def _decided(self, signal: ev.Signal, step: int, rng: random.Random) -> Iterator[ev.Event]:
        if not signal.direction:
            return
        header = signal.header.child("risk")
        strike = 50 * round((signal.market.spot or 0) / 50) + 100 * -signal.direction
        kind = ev.OptionKind.PUT if signal.direction > 0 else ev.OptionKind.CALL
        contract = ev.Contract(underlying="NIFTY", expiry=self.expiry, strike=float(strike), kind=kind)
        if signal.confidence < signal.threshold or len(self._open) >= 3 or step % 9 != 4:
            code = _DENIED[rng.randrange(len(_DENIED))]
            yield ev.Denial(
                header=header,
                code=code,
                text=f"{code.value.replace('_', ' ')} at {signal.confidence:.2f}",
                signal_id=signal.header.id,
                direction=signal.direction,
                contract=contract,
            )
            return
        premium = round(70 + 30 * rng.random(), 1)
        context = ev.EntryContext(
            signal_id=signal.header.id,
            direction=signal.direction,
            confidence=signal.confidence,
            regime=signal.regime,
            mode=signal.mode,
            model_version=signal.model_version,
            schema_id=signal.schema_id,
            features=signal.entry_features,
            top_features=signal.top_features,
        )
        order = ev.Order(
            header=header,
            action=ev.OrderAction.ENTER,
            side=ev.Side.SELL,
            strategy="ensemble",
            legs=ev.sold(contract),
            lots=1 + rng.randrange(2),
            lot_size=LOT,
            limit_price=premium - 1,
            stop_price=round(premium * 1.12, 2),
            target_price=round(premium * 0.86, 2),
            trail_points=round(premium * 0.08, 2),
            time_exit_ns=header.ts + 45 * _MINUTE,
            valid_until_ns=header.ts + 2 * _MINUTE,
            reason="nearest strike of 0.30 delta",
            entry=context,
        )
        self._open.append(_Open(order, header.ts + _MINUTE, premium, premium, premium))
        yield order

    def _executed(self, root: ev.Header, step: int, rng: random.Random) -> Iterator[ev.Event]:
        del step
        for index, held in enumerate(tuple(self._open)):
            order = held.order
            if held.entry_ts == root.ts:
                yield self._fill(root.child("executor", 10 + index), order, held.entry, ev.OrderAction.ENTER)
                continue
            mark = round(max(5.0, self._mark(held) * (1 + rng.gauss(-0.004, 0.02))), 2)
            held.best, held.worst = min(held.best, mark), max(held.worst, mark)
            self._marks[order.header.id] = mark
            reason = self._exit_reason(held, mark, root.ts)
            if reason is not None:
                self._open.remove(held)
                yield self._fill(root.child("executor", 20 + index), order, mark, ev.OrderAction.EXIT)
                yield self._trade(root.child("executor", 30 + index), held, mark, reason)

    @property
    def _marks(self) -> dict[str, float]:
        marks: dict[str, float] = self.__dict__.setdefault("_marks_by_order", {})
        return marks

    def _mark(self, held: _Open) -> float:
        return self._marks.get(held.order.header.id, held.entry)

    @staticmethod
    def _exit_reason(held: _Open, mark: float, ts: int) -> ev.ExitReason | None:
        order = held.order
        if mark >= (order.stop_price or math.inf):
            return ev.ExitReason.STOP
        if mark <= (order.target_price or 0.0):
            return ev.ExitReason.TARGET
        if mark >= held.best + (order.trail_points or math.inf):
            return ev.ExitReason.TRAIL
        return ev.ExitReason.TIME if ts >= (order.time_exit_ns or 0) else None

    def _fill(self, header: ev.Header, order: ev.Order, price: float, action: ev.OrderAction) -> ev.Fill:
        costs = ev.LegCosts(brokerage=20.0, stt=6.2, exchange=3.1, sebi=0.01, stamp=0.2, gst=4.2, total_paise=3_371)
        self._costs += costs.total_paise
        self._realised -= costs.total_paise
        return ev.Fill(
            header=header,
            order_id=order.header.id,
            venue="paper",
            status=ev.FillStatus.FILLED,
            action=action,
            side=ev.Side.SELL if action is ev.OrderAction.ENTER else ev.Side.BUY,
            strategy=order.strategy,
            legs=(
                ev.FilledLeg(
                    contract=order.contract,
                    side=ev.Side.SELL if action is ev.OrderAction.ENTER else ev.Side.BUY,
                    price=price,
                ),
            ),
            price=price,
            lots=order.lots,
            lot_size=LOT,
            costs=costs,
        )

    def _trade(self, header: ev.Header, held: _Open, price: float, reason: ev.ExitReason) -> ev.Trade:
        order = held.order
        gross = round((held.entry - price) * order.lots * LOT * 100)
        net = gross - 6_742
        self._realised += gross
        self._trades.append(net)
        assert order.entry is not None
        return ev.Trade(
            header=header,
            entry_order_id=order.header.id,
            strategy=order.strategy,
            legs=(ev.TradeLeg(contract=order.contract, side=ev.Side.SELL, entry_price=held.entry, exit_price=price),),
            lots=order.lots,
            lot_size=LOT,
            entry_ts=held.entry_ts,
            entry_price=held.entry,
            exit_price=price,
            stop_price=order.stop_price or 0.0,
            target_price=order.target_price or 0.0,
            gross_pnl_paise=gross,
            costs_paise=6_742,
            net_pnl_paise=net,
            mfe=held.entry - held.best,
            mae=held.worst - held.entry,
            holding_ns=header.ts - held.entry_ts,
            exit_reason=reason,
            entry=order.entry,
            attribution=ev.Attribution(
                index_move_paise=gross - 1_500,
                time_paise=4_000,
                volatility_paise=500,
                spread_and_impact_paise=-3_000,
                charges_paise=-6_742,
            ),
        )

    def _state(self, header: ev.Header) -> ev.BookState:
        filled = [held for held in self._open if held.entry_ts <= header.ts]
        positions = tuple(self._position(held, header.ts) for held in filled)
        open_paise = sum(round((p.entry_price - p.mark_price) * p.lots * LOT * 100) for p in positions)
        equity = CAPITAL_PAISE + self._realised + open_paise
        self._peak = max(self._peak, equity)
        wins = [net for net in self._trades if net > 0]
        losses = [net for net in self._trades if net <= 0]
        return ev.BookState(
            header=header,
            positions=positions,
            pending_orders=tuple(held.order.header.id for held in self._open if held.entry_ts > header.ts),
            day=ist_date(header.ts).isoformat(),
            day_trades=len(self._trades),
            cash_paise=equity,
            realised_paise=self._realised,
            costs_paise=self._costs,
            unrealised_paise=open_paise,
            exposure_paise=sum(round(p.mark_price * p.lots * LOT * 100) for p in positions),
            margin_paise=sum(p.margin_paise for p in positions),
            equity_paise=equity,
            peak_equity_paise=self._peak,
            statistics=ev.TradeStatistics(
                trades=len(self._trades),
                wins=len(wins),
                losses=len(losses),
                won_paise=sum(wins),
                lost_paise=-sum(losses),
            ),
            last_stop_ts=None,
            last_exit_seq=None,
        )

    def _position(self, held: _Open, ts: int) -> ev.Position:
        order = held.order
        assert order.entry is not None
        return ev.Position(
            order_id=order.header.id,
            strategy=order.strategy,
            legs=(
                ev.PositionLeg(
                    contract=order.contract, side=ev.Side.SELL, entry_price=held.entry, mark_price=self._mark(held)
                ),
            ),
            lots=order.lots,
            lot_size=LOT,
            entry_ts=held.entry_ts,
            entry_price=held.entry,
            entry_costs_paise=3_371,
            stop_price=order.stop_price or 0.0,
            target_price=order.target_price or 0.0,
            trail_points=order.trail_points,
            time_exit_ns=order.time_exit_ns,
            best_price=held.best,
            worst_price=held.worst,
            mark_price=self._mark(held),
            mark_ts=ts,
            margin_paise=16_500_000 * order.lots,
            exit_reason=None,
            entry=order.entry,
        )
