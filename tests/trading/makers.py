"""Orders and executions for tests, each with what a test does not care about filled in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.orders import Execution, OrderTerms, OrderType, Purpose, Side
from polotui.storage.database import Connection, Database
from polotui.trading import rows

NOW = 1_780_000_000_000


def D(text: str | int) -> Decimal:
    return Decimal(text)


def terms(id: str = "pt-1", **changed: object) -> OrderTerms:
    named: dict[str, object] = {
        "account": "paper/bot-3",
        "bot": 3,
        "symbol": "BTC_USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "purpose": Purpose.ENTRY,
        "created_ms": NOW,
        "quantity": D("1"),
        "price": D("100"),
        "reason": "the rule said so",
        "signal": "sig-1",
    }
    return OrderTerms(id=id, **{**named, **changed})  # type: ignore[arg-type]


def execution(of: OrderTerms, id: str = "t1", **changed: object) -> Execution:
    named: dict[str, object] = {
        "symbol": of.symbol,
        "side": of.side,
        "price": of.price or D("100"),
        "quantity": of.quantity or D("1"),
        "fee": D("0.1"),
        "fee_currency": "USDT",
        "maker": False,
        "at_ms": NOW + 5,
    }
    return Execution(id=id, order_id=of.id, **{**named, **changed})  # type: ignore[arg-type]


def book(connection: Connection, of: OrderTerms, id: str = "t1", **changed: object) -> rows.FillRow | None:
    return rows.add_fill(connection, execution(of, id, **changed), of, venue="paper", booked_ms=NOW + 9)


def ledger_file(path: Path, *, synchronous: str = "NORMAL") -> Database:
    return Database(path, clock=FrozenClock(), chance=Chance(1), schema="ledger", synchronous=synchronous)  # type: ignore[arg-type]
