"""What a move of an order means: which state follows a fill, what is written for it, and how it is told.

Plain functions for the gateway, over an order and a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from polotui.model.money import ZERO, plain
from polotui.model.orders import Execution, OrderState, OrderTerms, Side
from polotui.risk.values import Asked, Finding, RiskDecision
from polotui.storage.database import Connection
from polotui.trading import rows
from polotui.trading.blotter import LiveOrder
from polotui.trading.facts import add_fact
from polotui.trading.paper_account import PAPER
from polotui.trading.trades import Least, Trade, settle_trade

ENDS = frozenset({OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED})
_TOLD: Mapping[OrderState, str] = {
    OrderState.UNKNOWN: "outcome unknown; it is not sent again, the venue is asked for it by its id",
    OrderState.REJECTED: "refused by the venue",
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
}


def is_news(order: LiveOrder, state: OrderState) -> bool:
    """Of FILLED and PARTIAL the fills themselves speak, but for two things that only the venue knows: that the rest of
    an amount buys nothing any more, and that an order of unknown fate with fills is alive."""
    if state is OrderState.FILLED:
        return order.terms.amount is not None and bool(order.filled)
    if state is OrderState.PARTIAL:
        return order.state is OrderState.UNKNOWN and bool(order.filled)
    return True


def after_fill(order: LiveOrder, filled: Decimal, paid: Decimal) -> OrderState:
    terms = order.terms
    if terms.quantity is not None and filled >= terms.quantity:
        return OrderState.FILLED
    if terms.amount is not None and paid >= terms.amount:
        return OrderState.FILLED
    # A fill that comes while a cancel is under way, or after the end, changes the quantity and not the end.
    return OrderState.PARTIAL if order.state not in _KEEPS else order.state


_KEEPS = frozenset({OrderState.CANCELLING, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.FILLED})


def write_intent(connection: Connection, terms: OrderTerms, at_ms: int) -> None:
    rows.add_intent(connection, terms)
    rows.add_order_event(connection, terms.id, OrderState.SUBMITTING, at_ms=at_ms)


def write_refusal(connection: Connection, asked: Asked, decision: RiskDecision, caller: str, at_ms: int) -> int:
    """The audit row of a refusal and its line in the feed; the line's number."""
    terms, text = asked.terms, refusal_words(asked, decision)
    rows.add_audit(
        connection,
        kind="refused",
        caller=caller or who_of(terms),
        code=decision.code,
        text=text,
        account=terms.account,
        symbol=terms.symbol,
        detail=msgspec.to_builtins(terms, builtin_types=(Decimal,), str_keys=True),
        at_ms=at_ms,
    )
    return add_fact(
        connection,
        kind="refused",
        level="info",
        text=text,
        symbol=terms.symbol,
        at_ms=at_ms,
        bot=terms.bot,
        ref=terms.signal or terms.id,
    ).number


def order_fact(connection: Connection, order: LiveOrder, text: str, level: str, at_ms: int, kind: str = "order") -> int:
    terms = order.terms
    return add_fact(
        connection, kind=kind, level=level, text=text, symbol=terms.symbol, at_ms=at_ms, bot=terms.bot, ref=terms.id
    ).number


def state_words(order: LiveOrder, state: OrderState, code: str, words: str) -> str | None:
    """The line of the feed; None for moves that say nothing to a trader, and for triggers that are replaced."""
    told = _TOLD.get(state)
    if told is None or (order.waits and state is OrderState.CANCELLED):
        return None
    terms = order.terms
    size = plain(terms.quantity) if terms.quantity is not None else f"for {plain(terms.amount or ZERO)}"
    why = ": ".join(part for part in (told, code, words) if part)
    return f"{terms.side.lower()} {size} {terms.type.lower()} {why}"


def level_of(state: OrderState) -> str:
    return "warning" if state in (OrderState.UNKNOWN, OrderState.REJECTED) else "info"


def fill_words(execution: Execution, terms: OrderTerms) -> str:
    late = " (late: crossed before)" if execution.late_ms else ""
    return (
        f"{execution.side.lower()} {plain(execution.quantity)} @ {plain(execution.price)}"
        f"  fee {plain(execution.fee)} {execution.fee_currency}  {terms.reason or terms.purpose}{late}"
    )


def refusal_words(asked: Asked, decision: RiskDecision) -> str:
    first = next((finding for finding in decision.findings if finding.refuses), None)
    return f"{asked.terms.side.lower()} {asked.terms.purpose}  {decision.code}: {first.text if first else ''}"


def who_of(terms: OrderTerms) -> str:
    return f"bot {terms.bot}" if terms.bot else "person"


def settled(connection: Connection, order: LiveOrder, state: OrderState, least: Least) -> Trade | None:
    """The trade that is over when a sale ends in `state`: its last fill may have left only dust."""
    terms = order.terms
    if state not in ENDS or terms.side is not Side.SELL or not order.filled:
        return None
    return settle_trade(connection, terms.account, terms.symbol, least=least, price=order.average_price or ZERO)


def unbooked(trouble: Mapping[str, str], root: str) -> bool:
    """Whether what happened is not all in the books of a root account, so that what it is worth is not certain. An
    order of a stranger or a service that is down are no such trouble. An orphan is a fill at the exchange."""
    return "ledger" in trouble or (root != PAPER and "orphan" in trouble)


def not_now(decision: RiskDecision, trouble: Mapping[str, str]) -> RiskDecision:
    code, text = next(iter(trouble.items()))
    finding = Finding(code=f"RISK-{code.upper()}", refuses=True, text=text)
    return msgspec.structs.replace(
        decision,
        approved=False,
        code=finding.code,
        findings=(finding, *decision.findings),
        recommendation="Nothing new is sent until that is mended.",
    )
