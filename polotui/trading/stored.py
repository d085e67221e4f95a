"""What the rows of trading say: orders with where they stand, fills, and who did what.

Decided here: where an order stands is nowhere stored. It is the newest of its events that was legal, together with its
fills: when these reach its quantity it is filled, whatever the events say. Every query goes by an index.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from polotui.model.money import ZERO, decimal_of
from polotui.model.orders import FINAL, LEGAL, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.storage.chained import AUDIT, FILLS, INTENTS, ORDER_EVENTS
from polotui.storage.database import Connection
from polotui.trading.ledger import EXACT, Entry

#: Finds the rows of an account and of all below it. The words are those of the index.
_ROOT = "substr(account, 1, instr(account || '/', '/') - 1)"


class FillRow(msgspec.Struct, frozen=True):
    """One stored fill. `entries` are there when it was booked just now; they are what `Portfolio.apply` needs."""

    number: int
    id: str
    order_id: str
    account: str
    bot: int
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    purpose: Purpose
    reason: str
    signal: str
    at_ms: int
    booked_ms: int
    late_ms: int
    previous: str
    hash: str
    entries: tuple[Entry, ...] = ()

    @property
    def amount(self) -> Decimal:
        """Price times quantity, exactly."""
        return EXACT.multiply(self.price, self.quantity)


class OrderEvent(msgspec.Struct, frozen=True):
    """One move of an order, as it was told."""

    number: int
    order_id: str
    state: OrderState
    venue_id: str
    code: str
    words: str
    at_ms: int


class StoredOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its rows say. `filled` is in the base currency, `filled_amount` in the quote currency; `code`,
    `words` and `changed_ms` are of its newest event."""

    number: int
    terms: OrderTerms
    state: OrderState
    venue_id: str
    filled: Decimal
    filled_amount: Decimal
    code: str
    words: str
    changed_ms: int


class AuditRow(msgspec.Struct, frozen=True):
    """Who did what. `detail` is the JSON of what else is known."""

    number: int
    kind: str
    caller: str
    account: str
    symbol: str
    code: str
    text: str
    detail: dict[str, Any]
    at_ms: int


def terms_of(connection: Connection, id: str) -> OrderTerms | None:
    """The terms of an order, or None when there was never such an intent."""
    row = connection.execute(INTENTS.select + " WHERE id = ?", (id,)).fetchone()
    return None if row is None else _terms(row)


def state_of(events: list[OrderEvent], filled: Decimal, quantity: Decimal | None) -> OrderState:
    """Where an order stands. The first event counts whatever it is; each later one when it may follow."""
    state = OrderState.DRAFT
    for event in events:
        if state is OrderState.DRAFT or event.state in LEGAL[state]:
            state = event.state
    if filled and quantity is not None and filled >= quantity:
        return OrderState.FILLED
    if filled and state in (OrderState.DRAFT, OrderState.SUBMITTING, OrderState.ACCEPTED):
        return OrderState.PARTIAL
    return state


def last_state(connection: Connection, id: str) -> OrderState | None:
    """The newest event of an order; None before the first."""
    query = "SELECT state FROM order_events WHERE order_id = ? ORDER BY number DESC LIMIT 1"
    row = connection.execute(query, (id,)).fetchone()
    return None if row is None else OrderState(row[0])


def order_of(connection: Connection, id: str) -> StoredOrder | None:
    """One order with its state, or None."""
    row = connection.execute(INTENTS.select + " WHERE id = ?", (id,)).fetchone()
    return None if row is None else _order(connection, row)


def orders_not_final(connection: Connection) -> list[StoredOrder]:
    """Every order that may still rest, fill or be unknown, oldest first."""
    names = ", ".join(f"intents.{name}" for name in ("number", *INTENTS.columns))
    query = f"SELECT {names} FROM open_orders CROSS JOIN intents ON intents.id = open_orders.order_id"  # noqa: S608
    found = [_order(connection, row) for row in connection.execute(query).fetchall()]
    return sorted((order for order in found if order.state not in FINAL), key=lambda order: order.number)


def orders(
    connection: Connection, *, account_prefix: str = "", bot: int | None = None, limit: int = 100, before: int = 0
) -> list[StoredOrder]:
    """Orders below number `before` (0: all), newest first. A prefix without a slash means all accounts below it too."""
    query, values = newest(INTENTS.select, account_prefix, bot, before, limit)
    return [_order(connection, row) for row in connection.execute(query, values).fetchall()]


def order_events(connection: Connection, order_id: str) -> list[OrderEvent]:
    """What was told of an order, oldest first."""
    query = ORDER_EVENTS.select + " WHERE order_id = ? ORDER BY number"
    rows = connection.execute(query, (order_id,))
    return [OrderEvent(number, id_, OrderState(state), *rest[:-2]) for number, id_, state, *rest in rows]


def fills_after(connection: Connection, number: int, *, bot: int | None = None, limit: int = -1) -> list[FillRow]:
    """Fills with a higher number, oldest first; -1: as many as there are."""
    if bot is None:
        query, values = FILLS.select + " WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
    else:
        query = FILLS.select + " WHERE bot = ? AND number > ? ORDER BY number LIMIT ?"
        values = (bot, number, limit)  # type: ignore[assignment]
    return [_fill(row) for row in connection.execute(query, values)]


def fills_of(connection: Connection, order_id: str) -> list[FillRow]:
    """The fills of one order, oldest first."""
    rows = connection.execute(FILLS.select + " WHERE order_id = ? ORDER BY number", (order_id,))
    return [_fill(row) for row in rows]


def fills(
    connection: Connection, *, account_prefix: str = "", bot: int | None = None, limit: int = 100, before: int = 0
) -> list[FillRow]:
    """Fills below number `before` (0: all), newest first."""
    query, values = newest(FILLS.select, account_prefix, bot, before, limit)
    return [_fill(row) for row in connection.execute(query, values)]


def audit_rows(
    connection: Connection, *, kind: str = "", caller: str = "", limit: int = 100, before: int = 0
) -> list[AuditRow]:
    """Audit rows below number `before` (0: all), newest first."""
    conditions = [*(["kind = ?"] if kind else []), *(["caller = ?"] if caller else []), "number < ?"]
    query = f"{AUDIT.select} WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?"
    values = [*([kind] if kind else []), *([caller] if caller else []), before or 2**62, limit]
    return [_audit(*row[:9]) for row in connection.execute(query, values)]


def newest(
    select: str, prefix: str, bot: int | None, before: int, limit: int, *, key: str = "number", symbol: str = ""
) -> tuple[str, list[str | int]]:
    """A query for the newest rows below a number (0: all), and its values. It goes by one index: the symbol's, else the
    bot's, else the account's; the pluses keep SQLite from choosing another."""
    narrowed = False
    conditions, values = [f"{key} < ?"], [before or 2**62]  # type: tuple[list[str], list[str | int]]
    account = "account" if "/" in prefix else _ROOT
    for column, value in (("symbol", symbol or None), ("bot", bot), (account, prefix or None)):
        if value is not None:
            conditions.append(f"{'+' if narrowed else ''}{column} = ?")
            values.append(value)
            narrowed = True
    return f"{select} WHERE {' AND '.join(conditions)} ORDER BY {key} DESC LIMIT ?", [*values, limit]


def _order(connection: Connection, row: tuple[Any, ...]) -> StoredOrder:
    terms = _terms(row)
    events = order_events(connection, terms.id)
    filled = filled_amount = ZERO
    query = "SELECT price, quantity FROM fills WHERE order_id = ?"
    for price, quantity in connection.execute(query, (terms.id,)):
        filled = EXACT.add(filled, decimal_of(quantity))
        filled_amount = EXACT.fma(decimal_of(price), decimal_of(quantity), filled_amount)
    newest = events[-1] if events else None
    return StoredOrder(
        number=row[0],
        terms=terms,
        state=state_of(events, filled, terms.quantity),
        venue_id=next((event.venue_id for event in reversed(events) if event.venue_id), ""),
        filled=filled,
        filled_amount=filled_amount,
        code=newest.code if newest else "",
        words=newest.words if newest else "",
        changed_ms=newest.at_ms if newest else terms.created_ms,
    )


def _terms(row: tuple[Any, ...]) -> OrderTerms:
    named = dict(zip(INTENTS.columns, row[1:], strict=False))
    for name in ("quantity", "amount", "price", "stop", "target"):
        named[name] = None if named[name] is None else decimal_of(named[name])
    side, type_, purpose = Side(named.pop("side")), OrderType(named.pop("type")), Purpose(named.pop("purpose"))
    return OrderTerms(side=side, type=type_, purpose=purpose, **named)


def _audit(
    number: int, kind: str, caller: str, account: str, symbol: str, code: str, text: str, detail: str, at_ms: int
) -> AuditRow:
    return AuditRow(
        number, kind, caller, account, symbol, code, text, msgspec.json.decode(detail, type=dict[str, Any]), at_ms
    )


def _fill(row: tuple[Any, ...]) -> FillRow:
    fields = list(row)
    fields[6] = Side(row[6])
    fields[7:10] = (decimal_of(row[7]), decimal_of(row[8]), decimal_of(row[9]))
    fields[11] = bool(row[11])
    fields[12] = Purpose(row[12])
    return FillRow(*fields)
