"""What trades, as faces see it: rows of the API from orders, fills, positions and trades."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Literal

from polotui.api import trade_values as tv
from polotui.core.text import clean
from polotui.model.money import ZERO, plain
from polotui.model.orders import OrderTerms
from polotui.risk.values import Finding, RiskDecision
from polotui.trading.blotter import LiveOrder

if TYPE_CHECKING:
    from polotui.engine.trading.markets import Mark
    from polotui.trading.portfolio import Position
    from polotui.trading.protection import Protection
    from polotui.trading.rows import FillRow, StoredOrder
    from polotui.trading.trades import Trade

_SHOWN = Context(prec=60, rounding=ROUND_HALF_EVEN)
CENTS = Decimal("0.01")


def money(value: Decimal | None) -> str:
    """An amount in quote currency, to the cent; "" when it is not known. For people: the ledger has every digit."""
    return "" if value is None else format(value.quantize(CENTS, context=_SHOWN), "f")


def on_scale(value: Decimal | None, scale: int) -> str:
    """A price with the decimals of its symbol."""
    if value is None:
        return ""
    return format(value.quantize(Decimal(1).scaleb(-scale), context=_SHOWN), "f")


def text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def ratio(part: Decimal, whole: Decimal) -> float | None:
    return float(part / whole) if whole else None


def live_order(order: LiveOrder, scale: int = 8) -> tv.OrderRow:
    """An order that may still fill."""
    fees = ", ".join(f"{plain(amount)} {clean(currency, 24)}" for currency, amount in order.fees.items() if amount)
    return _order(
        order.terms,
        state=order.state.value,
        strategy=order.strategy,
        filled=order.filled,
        average=on_scale(order.average_price, scale),
        fees=fees,
        code=order.code,
        words=order.words,
        venue_id=order.venue_id,
        updated_ms=order.updated_ms,
    )


def stored_order(order: StoredOrder, strategy: str, scale: int = 8) -> tv.OrderRow:
    """An order from the ledger."""
    average = order.filled_amount / order.filled if order.filled else None
    return _order(
        order.terms,
        state=order.state.value,
        strategy=strategy,
        filled=order.filled,
        average=on_scale(average, scale),
        fees="",
        code=order.code,
        words=order.words,
        venue_id=order.venue_id,
        updated_ms=order.changed_ms,
    )


def _order(
    terms: OrderTerms,
    *,
    state: str,
    strategy: str,
    filled: Decimal,
    average: str,
    fees: str,
    code: str,
    words: str,
    venue_id: str,
    updated_ms: int,
) -> tv.OrderRow:
    side: Literal["BUY", "SELL"] = "BUY" if terms.side.sign > 0 else "SELL"
    return tv.OrderRow(
        id=terms.id,
        account=terms.account,
        bot=terms.bot,
        strategy=strategy,
        symbol=clean(terms.symbol, 48),
        side=side,
        type=terms.type.value,
        purpose=terms.purpose.value,
        state=state,
        quantity=text(terms.quantity),
        amount=text(terms.amount),
        price=text(terms.price),
        stop=text(terms.stop),
        target=text(terms.target),
        filled=plain(filled),
        average_price=average,
        fees=fees,
        reason=clean(terms.reason, 200),
        code=clean(code, 40),
        words=clean(words, 200),
        venue_id=clean(venue_id, 80),
        signal=terms.signal,
        created_ms=terms.created_ms,
        updated_ms=updated_ms,
        expire_ms=terms.expire_ms,
    )


def fill(row: FillRow) -> tv.FillRow:
    side: Literal["BUY", "SELL"] = "BUY" if row.side.sign > 0 else "SELL"
    return tv.FillRow(
        number=row.number,
        id=clean(row.id, 80),
        order=row.order_id,
        account=row.account,
        bot=row.bot,
        symbol=row.symbol,
        side=side,
        price=plain(row.price),
        quantity=plain(row.quantity),
        amount=plain(row.price * row.quantity),
        fee=plain(row.fee),
        fee_currency=clean(row.fee_currency, 24),
        maker=row.maker,
        purpose=str(row.purpose),
        reason=clean(row.reason, 200),
        signal=row.signal,
        at_ms=row.at_ms,
        late_ms=row.late_ms,
    )


def position(
    held: Position,
    *,
    strategy: str,
    mark: Mark | None,
    guard: Protection | None,
    first_stop: Decimal | None,
    scales: tuple[int, int],
    dust: bool,
    orders: list[str],
) -> tv.PositionRow:
    """An open position at its mark. `guard` is what the protector keeps for it."""
    price_scale, quantity_scale = scales
    price = mark.price if mark is not None else None
    value = held.quantity * price if price is not None else None
    result = value - held.cost if value is not None else None
    stop = guard.stop if guard is not None else None
    target = guard.target if guard is not None else None
    level: Literal["venue", "local", "none"] = "none"
    if guard is not None and (stop is not None or guard.trail is not None):
        level = "venue" if guard.venue_order else "local"
    risk = held.entry_price - first_stop if first_stop is not None and first_stop < held.entry_price else None
    return tv.PositionRow(
        account=held.account,
        bot=held.bot,
        strategy=strategy,
        symbol=held.symbol,
        quantity=plain(held.quantity),
        entry_price=on_scale(held.entry_price, price_scale),
        mark=on_scale(price, price_scale),
        mark_ms=mark.at_ms if mark else 0,
        stale=mark is None or not mark.fresh,
        value=money(value),
        result=money(result),
        result_ratio=ratio(result, held.cost) if result is not None else None,
        r=float((price - held.entry_price) / risk) if price is not None and risk else None,
        stop=on_scale(stop, price_scale),
        target=on_scale(target, price_scale),
        trail=guard is not None and (guard.trail is not None or "trail" in guard.reason),
        stop_distance=float(1 - stop / price) if stop is not None and price else None,
        target_distance=float(target / price - 1) if target is not None and price else None,
        protection=level,
        protection_note=_NOTES[level],
        fees=money(held.fees),
        opened_ms=held.opened_ms,
        dust=dust,
        orders=orders,
        price_scale=price_scale,
        quantity_scale=quantity_scale,
    )


_NOTES = {
    "none": "no stop: nothing sells this by itself",
    "local": "the engine watches the stop; it ends with the engine",
    "venue": "the stop rests at the exchange",
}


def trade(row: Trade, note: str = "", tags: list[str] | None = None) -> tv.TradeRow:
    """A closed trade; its R from the stop it was entered with."""
    first_risk = (row.entry_price - row.stop) * row.quantity if row.stop is not None else ZERO
    return tv.TradeRow(
        id=row.id,
        account=row.account,
        bot=row.bot,
        strategy=row.strategy,
        symbol=row.symbol,
        entry_ms=row.entry_ms,
        exit_ms=row.exit_ms,
        entry_price=plain(row.entry_price),
        exit_price=plain(row.exit_price),
        quantity=plain(row.quantity),
        stop=text(row.stop),
        target=text(row.target),
        fees=plain(row.fees),
        profit=plain(row.profit),
        ratio=ratio(row.profit, row.invested),
        r=float(row.profit / first_risk) if first_risk > 0 else None,
        reason=clean(row.reason, 200),
        signal=row.signal,
        note=clean(note, 400),
        tags=tags or [],
    )


def finding(found: Finding, title: str) -> tv.FindingRow:
    use = found.value / found.limit if found.value is not None and found.limit else None
    return tv.FindingRow(
        code=found.code,
        title=title,
        refuses=found.refuses,
        text=clean(found.text, 300),
        value=found.value,
        limit=found.limit,
        use=use,
    )


def decision(made: RiskDecision, titles: dict[str, str], needs_confirmation: bool = False) -> tv.DecisionRow:
    """A decision with every check's words."""

    def rows(found: tuple[Finding, ...]) -> list[tv.FindingRow]:
        return [finding(each, titles.get(each.code, each.code)) for each in found]

    return tv.DecisionRow(
        approved=made.approved,
        code=made.code,
        findings=rows(made.findings),
        warnings=rows(made.warnings),
        checks=rows(made.checks),
        recommendation=clean(made.recommendation, 300),
        needs_confirmation=needs_confirmation,
    )
