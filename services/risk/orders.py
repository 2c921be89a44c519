"""Orders and denials as risk words them."""

from __future__ import annotations

from services.risk.gates import RiskDenial
from services.risk.settings import RiskSettings
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND, ist_date
from shared.events import (
    Contract,
    DecayEstimate,
    Denial,
    EntryContext,
    ExitReason,
    Header,
    Leg,
    Order,
    OrderAction,
    Position,
    Side,
    Signal,
    sold,
)
from shared.market.contracts import ContractTable
from shared.trading.levels import Protection, purchase_limit, sale_limit
from shared.trading.strikes import ChosenStrike


def entry_order(
    header: Header,
    signal: Signal,
    chosen: ChosenStrike,
    levels: Protection,
    *,
    lots: int,
    margin_paise: int,
    reason: str,
    settings: RiskSettings,
    decay: DecayEstimate | None = None,
    planned_loss: float | None = None,
) -> Order:
    """Order to sell, with everything that closes the position set beside it."""
    return Order(
        header=header,
        action=OrderAction.ENTER,
        side=Side.SELL,
        strategy=signal.strategy,
        legs=sold(chosen.quote.contract),
        lots=lots,
        lot_size=signal.market.lot_size,
        limit_price=sale_limit(chosen.bid, settings),
        stop_price=levels.stop,
        target_price=levels.target,
        trail_points=levels.trail,
        time_exit_ns=signal.header.ts + int(settings.max_holding_minutes * NS_PER_MINUTE),
        valid_until_ns=signal.header.ts + int(settings.order_valid_seconds * NS_PER_SECOND),
        reason=reason,
        quote_price=chosen.bid,
        margin_paise=margin_paise,
        entry=EntryContext(
            signal_id=signal.header.id,
            direction=signal.direction,
            confidence=signal.confidence,
            regime=signal.regime,
            mode=signal.mode,
            model_version=signal.model_version,
            schema_id=signal.schema_id,
            features=signal.entry_features,
            top_features=signal.top_features,
            strategy=signal.strategy,
            decay=decay,
            planned_loss=planned_loss,
        ),
    )


def exit_order(
    header: Header,
    position: Position,
    reason: ExitReason,
    words: str,
    *,
    settings: RiskSettings,
    contracts: ContractTable,
) -> Order:
    """Order to buy a position back whole, at a limit the market takes: behind a gap its stop would only rest."""
    return Order(
        header=header,
        action=OrderAction.EXIT,
        side=Side.BUY,
        strategy=position.strategy,
        legs=tuple(Leg(contract=leg.contract, side=leg.side, ratio=leg.ratio) for leg in position.legs),
        lots=position.lots,
        lot_size=position.lot_size,
        limit_price=_buying_limit(position.mark_price, position.contract, header, settings, contracts),
        stop_price=None,
        target_price=None,
        trail_points=None,
        time_exit_ns=None,
        valid_until_ns=header.ts,
        reason=words,
        closes=position.order_id,
        exit_reason=reason,
    )


def cancel_order(
    header: Header,
    entry: Order,
    words: str,
    *,
    mark: float | None,
    settings: RiskSettings,
    contracts: ContractTable,
) -> Order:
    """Order to drop an entry that has not filled, and to buy back what of it has.

    Args:
        header: of the order.
        entry: to be dropped.
        words: why.
        mark: of what has filled, points; None when nothing has.
        settings: with the buffer of the limit.
        contracts: price bands by date.
    """
    if mark is None:
        mark = entry.limit_price if entry.quote_price is None else entry.quote_price
    return Order(
        header=header,
        action=OrderAction.EXIT,
        side=Side.BUY,
        strategy=entry.strategy,
        legs=entry.legs,
        lots=entry.lots,
        lot_size=entry.lot_size,
        limit_price=_buying_limit(mark, entry.contract, header, settings, contracts),
        stop_price=None,
        target_price=None,
        trail_points=None,
        time_exit_ns=None,
        valid_until_ns=header.ts,
        reason=words,
        closes=entry.header.id,
        exit_reason=ExitReason.FLATTEN,
    )


def denial(header: Header, signal: Signal, refused: RiskDenial, contract: Contract | None = None) -> Denial:
    """Say why a signal opened nothing."""
    return Denial(
        header=header,
        code=refused.code,
        text=refused.text,
        signal_id=signal.header.id,
        direction=signal.direction,
        contract=contract,
    )


def _buying_limit(
    mark: float, contract: Contract, header: Header, settings: RiskSettings, contracts: ContractTable
) -> float:
    return purchase_limit(mark, settings, contracts, underlying=contract.underlying, on=ist_date(header.ts))
