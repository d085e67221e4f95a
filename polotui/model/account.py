"""Accounts, balances, orders and fills as an exchange states them. Exact decimals throughout."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What one account holds of one currency. `available + hold` is the total."""

    currency: str
    available: Decimal
    hold: Decimal

    @property
    def total(self) -> Decimal:
        return self.available + self.hold


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a venue with its balances. `kind` is the venue's own word (SPOT)."""

    id: str
    kind: str
    balances: tuple[Balance, ...]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the exchange states it. `state`, `type` and `source` keep the exchange's own words."""

    id: str
    client_id: str
    symbol: str
    side: str
    type: str
    state: str
    time_in_force: str
    price: Decimal
    quantity: Decimal
    amount: Decimal
    filled_quantity: Decimal
    filled_amount: Decimal
    average_price: Decimal
    created_ms: int
    updated_ms: int
    source: str = ""


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of an own order. The fee is taken in `fee_currency`."""

    id: str
    order_id: str
    client_id: str
    symbol: str
    side: str
    role: str
    price: Decimal
    quantity: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    ts_ms: int
    page_id: str = ""


class FeeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Fee rates as fractions: 0.002 is 0.2 %."""

    maker: Decimal
    taker: Decimal
    special: dict[str, tuple[Decimal, Decimal]]
    volume_30d: Decimal
