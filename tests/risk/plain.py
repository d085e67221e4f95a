"""An ordinary account, market and order by hand, for tests that change one thing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from polotui.model.orders import OrderTerms, OrderType, Purpose, Side
from polotui.risk.values import AccountView, Asked, MarketView, PositionView, RestingView, SentOrder

NOW = 1_760_000_000_000


def terms(**changes: Any) -> OrderTerms:
    values: dict[str, Any] = {
        "id": "pt-1",
        "account": "paper/bot-1",
        "symbol": "BTC_USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "purpose": Purpose.ENTRY,
        "created_ms": NOW,
        "bot": 1,
        "quantity": Decimal(1),
        "price": Decimal(100),
    }
    return OrderTerms(**{**values, **changes})


def sale(**changes: Any) -> OrderTerms:
    values = {"side": Side.SELL, "type": OrderType.MARKET, "purpose": Purpose.EXIT, "price": None}
    return terms(**{**values, **changes})


def asked(order: OrderTerms | None = None, **changes: Any) -> Asked:
    values: dict[str, Any] = {"strategy": "trend", "stop": Decimal(97), "target": Decimal(106)}
    return Asked(terms=order or terms(), **{**values, **changes})


def market(**changes: Any) -> MarketView:
    values: dict[str, Any] = {
        "bid": Decimal("99.9"),
        "ask": Decimal("100.1"),
        "last": Decimal(100),
        "age_ms": 200,
        "fresh": True,
        "min_quantity": Decimal("0.001"),
        "min_amount": Decimal(1),
        "quantity_step": Decimal("0.001"),
        "price_step": Decimal("0.01"),
    }
    return MarketView(**{**values, **changes})


def view(**changes: Any) -> AccountView:
    values: dict[str, Any] = {
        "root": "paper",
        "now_ms": NOW,
        "state": "ACTIVE",
        "equity": Decimal(10_000),
        "day_start_equity": Decimal(10_000),
        "peak_equity": Decimal(10_000),
        "cash": {"USDT": Decimal(10_000)},
        "account_cash": {("paper/bot-1", "USDT"): Decimal(5_000), ("paper/bot-2", "USDT"): Decimal(2_000)},
        "strategy_drawdowns": {"trend": 0.0, "swing": 0.0},
        "safety_score": 100,
    }
    return AccountView(**{**values, **changes})


def position(symbol: str = "ETH_USDT", worth: float = 100, **changes: Any) -> PositionView:
    values: dict[str, Any] = {
        "account": "paper/bot-1",
        "bot": 1,
        "strategy": "trend",
        "symbol": symbol,
        "quantity": Decimal(str(worth)) / 100,
        "entry_price": Decimal(100),
        "mark": Decimal(100),
        "stop": Decimal(97),
        "protection": "local",
    }
    return PositionView(**{**values, **changes})


def waiting(symbol: str = "ETH_USDT", worst: float = 100, **changes: Any) -> RestingView:
    values: dict[str, Any] = {
        "id": "pt-w",
        "account": "paper/bot-1",
        "bot": 1,
        "strategy": "trend",
        "symbol": symbol,
        "side": Side.BUY,
        "quantity": Decimal(1),
        "price": Decimal(90),
        "worst_amount": Decimal(str(worst)),
        "reduces": False,
        "created_ms": NOW - 1_000,
    }
    return RestingView(**{**values, **changes})


def earlier(age_ms: int, **changes: Any) -> SentOrder:
    values: dict[str, Any] = {
        "at_ms": NOW - age_ms,
        "bot": 1,
        "symbol": "BTC_USDT",
        "side": Side.BUY,
        "price": Decimal(99),
        "quantity": Decimal(1),
        "amount": None,
        "reduces": False,
        "automatic": True,
    }
    return SentOrder(**{**values, **changes})
