"""Adds the rows of trading: what was asked, what became of it, what it cost, and who did what.

Decided here:
* Plain functions over a connection, so that a caller joins several of them into one transaction.
* A fill is booked once, however often it is told: its id is `<venue>:<the venue's id>`. Its row and the entries that
  move the money are written together, and the ids of the entries derive from the fill's.
* An event that comes too late is stored as what it is, evidence; whether it counts is the reader's to judge.

`stored` reads them; its names are here too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from polotui.core.errors import StorageError, UsageError
from polotui.core.text import clean
from polotui.model.money import ZERO, decimal_of, plain
from polotui.model.orders import FINAL, Execution, OrderState, OrderTerms, Purpose, Side
from polotui.model.symbols import base_and_quote
from polotui.storage.chained import AUDIT, FILLS, INTENTS, ORDER_EVENTS
from polotui.storage.database import Connection
from polotui.trading.ledger import EXACT, Entry, NewEntry, add_entries, balances_of
from polotui.trading.stored import (
    AuditRow,
    FillRow,
    OrderEvent,
    StoredOrder,
    audit_rows,
    fills,
    fills_after,
    fills_of,
    last_state,
    order_events,
    order_of,
    orders,
    orders_not_final,
    state_of,
    terms_of,
)

__all__ = [
    "AuditRow",
    "FillRow",
    "OrderEvent",
    "StoredOrder",
    "add_audit",
    "add_fill",
    "add_intent",
    "add_order_event",
    "audit_rows",
    "fills",
    "fills_after",
    "fills_of",
    "last_state",
    "move_capital",
    "order_events",
    "order_of",
    "orders",
    "orders_not_final",
    "state_of",
    "terms_of",
]


def add_intent(connection: Connection, terms: OrderTerms) -> int:
    """Stores the terms of an order and returns the row's number. An id that is there already is an error."""
    number, _ = INTENTS.append(
        connection,
        (
            terms.id,
            terms.account,
            terms.bot,
            terms.symbol,
            terms.side.value,
            terms.type.value,
            terms.purpose.value,
            _text(terms.quantity),
            _text(terms.amount),
            _text(terms.price),
            _text(terms.stop),
            _text(terms.target),
            terms.time_in_force,
            terms.expire_ms,
            terms.reason,
            terms.signal,
            terms.parent,
            terms.late_ms,
            terms.created_ms,
        ),
    )
    connection.execute("INSERT OR IGNORE INTO open_orders VALUES (?)", (terms.id,))
    return number


def add_order_event(
    connection: Connection,
    order_id: str,
    state: OrderState,
    *,
    venue_id: str = "",
    code: str = "",
    words: str = "",
    at_ms: int,
) -> int:
    """Stores a move of an order and returns the row's number. Whether it was legal is the reader's to judge."""
    fields = (order_id, state.value, clean(venue_id, 120), clean(code, 80), clean(words, 400), at_ms)
    number, _ = ORDER_EVENTS.append(connection, fields)
    if state in FINAL:
        connection.execute("DELETE FROM open_orders WHERE order_id = ?", (order_id,))
    else:
        connection.execute("INSERT OR IGNORE INTO open_orders VALUES (?)", (order_id,))
    return number


def add_fill(
    connection: Connection, execution: Execution, terms: OrderTerms, *, venue: str, booked_ms: int
) -> FillRow | None:
    """Books an execution with the money it moved; None when it is booked already."""
    id_ = f"{venue}:{execution.id}"
    if connection.execute("SELECT 1 FROM fills WHERE id = ?", (id_,)).fetchone():
        return None
    base, quote = _checked(execution, terms)
    values = (
        id_,
        terms.id,
        terms.account,
        terms.bot,
        terms.symbol,
        execution.side,
        execution.price,
        execution.quantity,
        execution.fee,
        execution.fee_currency,
        execution.maker,
        terms.purpose,
        terms.reason,
        terms.signal,
        execution.at_ms,
        booked_ms,
        execution.late_ms,
    )
    (place,) = FILLS.append_rows(connection, (tuple(_stored(value) for value in values),))
    sign = execution.side.sign
    amount = EXACT.multiply(execution.price, execution.quantity)

    def entry(part: str, kind: str, currency: str, moved: Decimal) -> NewEntry:
        return NewEntry(f"{id_}:{part}", terms.account, kind, currency, moved, execution.at_ms, terms.id)

    moves = [
        entry("base", "fill", base, execution.quantity.copy_negate() if sign < 0 else execution.quantity),
        entry("quote", "fill", quote, amount if sign < 0 else amount.copy_negate()),
    ]
    if execution.fee:
        moves.append(entry("fee", "fee", execution.fee_currency, execution.fee.copy_negate()))
    entries = tuple(add_entries(connection, moves))
    return FillRow(place.number, *values, previous=place.previous, hash=place.hash, entries=entries)


def add_audit(
    connection: Connection,
    *,
    kind: str,
    caller: str,
    code: str = "",
    text: str = "",
    account: str = "",
    symbol: str = "",
    detail: dict[str, Any] | None = None,
    at_ms: int,
) -> int:
    """Stores who did what and returns the row's number."""
    words = msgspec.json.encode(detail or {}, order="sorted").decode()
    fields = (kind, clean(caller, 80), account, clean(symbol, 60), code, clean(text, 1000), words, at_ms)
    return AUDIT.append(connection, fields)[0]


def move_capital(
    connection: Connection,
    *,
    id: str,
    from_account: str,
    to_account: str,
    currency: str,
    amount: Decimal,
    kind: str,
    at_ms: int,
    note: str = "",
) -> tuple[Entry, Entry] | None:
    """Moves money from one account to another; `kind` is allocate or release. `id` names the move, and a move with the
    same id is made once: None the second time. Raises UsageError when the first account has too little."""
    if connection.execute("SELECT 1 FROM entries WHERE id = ?", (f"{id}:out",)).fetchone():
        return None
    moved = decimal_of(amount)
    held = balances_of(connection, from_account).get(currency, ZERO)
    if moved <= 0 or held < moved:
        raise UsageError(
            f"The {from_account} account has {plain(held)} {currency}; {plain(moved)} cannot be moved to {to_account}.",
            safe="Nothing was moved.",
            next_step=f"Name an amount above zero and at most {plain(held)}.",
            code="capital",
        )
    words = clean(note)
    out, into = add_entries(
        connection,
        (
            NewEntry(f"{id}:out", from_account, kind, currency, moved.copy_negate(), at_ms, words),
            NewEntry(f"{id}:in", to_account, kind, currency, moved, at_ms, words),
        ),
    )
    return out, into


def _checked(execution: Execution, terms: OrderTerms) -> tuple[str, str]:
    """Base and quote of an execution that belongs to these terms."""
    same = (execution.order_id, execution.symbol, execution.side) == (terms.id, terms.symbol, terms.side)
    numbers = (execution.price, execution.quantity, execution.fee)
    if not same or not all(number.is_finite() for number in numbers) or execution.price <= 0 or execution.quantity <= 0:
        raise StorageError(
            f"The execution {clean(execution.id, 60)} of {clean(execution.symbol, 40)} is none of {terms.id}.",
            safe="Nothing was booked.",
            next_step="Reconcile with the venue.",
            code="fill-differs",
        )
    return base_and_quote(terms.symbol)


def _stored(value: str | int | Decimal) -> str | int:
    if isinstance(value, Decimal):
        return plain(value)
    return int(value) if isinstance(value, bool) else str(value.value) if isinstance(value, Side | Purpose) else value


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
