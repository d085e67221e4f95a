"""Private REST messages as they stand on the wire, and what they become. Exact decimals throughout.

Decided here: order ids are text, whether the exchange sends text or a bare 64-bit number. Batch and cancel replies
carry success and failure side by side, so each element is a value of its own and a failure never hides the others.
Words of the exchange stay as they are, its spelling mistakes included («PROCESSSING»).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from polotui.model.account import Account, Balance, FeeInfo, Fill, Order
from polotui.poloniex.wire import Id64, Millis, Symbol, Text, exact

#: Text or a bare number; `str()` of it is the id.
AnyId = Annotated[str, Meta(max_length=100)] | Id64
FINE = 200


class AccountWire(msgspec.Struct, rename="camel"):
    account_id: AnyId
    account_type: Text = ""
    account_state: Text = ""


class AccountState(msgspec.Struct, frozen=True):
    """An account without its balances. `kind` and `state` are the exchange's own words."""

    id: str
    kind: str
    state: str


class BalanceWire(msgspec.Struct, rename="camel"):
    currency: Text
    available: Decimal
    hold: Decimal

    def value(self) -> Balance:
        return Balance(
            currency=self.currency,
            available=exact(self.available, "a balance"),
            hold=exact(self.hold, "a balance"),
        )


class AccountBalancesWire(msgspec.Struct, rename="camel"):
    account_id: AnyId
    account_type: Text = ""
    balances: list[BalanceWire] = []

    def value(self) -> Account:
        return Account(
            id=str(self.account_id), kind=self.account_type, balances=tuple(row.value() for row in self.balances)
        )


class SpecialRateWire(msgspec.Struct, rename="camel"):
    symbol: Symbol
    maker_rate: Decimal
    taker_rate: Decimal


class FeeInfoWire(msgspec.Struct):
    maker_rate: Decimal = msgspec.field(name="makerRate")
    taker_rate: Decimal = msgspec.field(name="takerRate")
    volume: Decimal | None = msgspec.field(name="volume30D", default=None)
    special: list[SpecialRateWire] = msgspec.field(name="specialFeeRates", default_factory=list)

    def value(self) -> FeeInfo:
        return FeeInfo(
            maker=exact(self.maker_rate, "the fees"),
            taker=exact(self.taker_rate, "the fees"),
            special={
                row.symbol: (exact(row.maker_rate, "the fees"), exact(row.taker_rate, "the fees"))
                for row in self.special
            },
            volume_30d=exact(self.volume, "the fees"),
        )


class OrderWire(msgspec.Struct, rename="camel"):
    id: AnyId
    symbol: Symbol
    side: Text
    type: Text
    state: Text
    client_order_id: Text | None = None
    time_in_force: Text | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    filled_quantity: Decimal | None = None
    filled_amount: Decimal | None = None
    avg_price: Decimal | None = None
    create_time: Millis = 0
    update_time: Millis = 0
    order_source: Text | None = None

    def value(self) -> Order:
        what = f"order {self.id}"
        return Order(
            id=str(self.id),
            client_id=self.client_order_id or "",
            symbol=self.symbol,
            side=self.side.upper(),
            type=self.type,
            state=self.state,
            time_in_force=self.time_in_force or "",
            price=exact(self.price, what),
            quantity=exact(self.quantity, what),
            amount=exact(self.amount, what),
            filled_quantity=exact(self.filled_quantity, what),
            filled_amount=exact(self.filled_amount, what),
            average_price=exact(self.avg_price, what),
            created_ms=self.create_time,
            updated_ms=self.update_time,
            source=self.order_source or "",
        )


class FillWire(msgspec.Struct, rename="camel"):
    id: AnyId
    symbol: Symbol
    order_id: AnyId
    side: Text
    price: Decimal
    quantity: Decimal
    amount: Decimal
    fee_amount: Decimal
    fee_currency: Text
    match_role: Text = ""
    create_time: Millis = 0
    client_order_id: Text | None = None
    page_id: AnyId | None = None

    def value(self) -> Fill:
        what = f"trade {self.id}"
        return Fill(
            id=str(self.id),
            order_id=str(self.order_id),
            client_id=self.client_order_id or "",
            symbol=self.symbol,
            side=self.side.upper(),
            role=self.match_role,
            price=exact(self.price, what),
            quantity=exact(self.quantity, what),
            amount=exact(self.amount, what),
            fee=exact(self.fee_amount, what),
            fee_currency=self.fee_currency,
            ts_ms=self.create_time,
            page_id="" if self.page_id is None else str(self.page_id),
        )


class ActivityWire(msgspec.Struct, rename="camel"):
    id: AnyId
    currency: Text
    amount: Decimal
    state: Text
    create_time: Millis
    activity_type: int
    description: Text | None = None

    def value(self) -> Activity:
        return Activity(
            id=str(self.id),
            currency=self.currency,
            amount=exact(self.amount, "an account activity"),
            state=self.state,
            created_ms=self.create_time,
            kind=self.activity_type,
            description=self.description or "",
        )


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a balance that no trade made (airdrop, rebate, adjustment). `kind` is the exchange's number."""

    id: str
    currency: str
    amount: Decimal
    state: str
    created_ms: int
    kind: int
    description: str


class KillSwitch(msgspec.Struct, frozen=True, rename="camel"):
    """The dead man's switch: armed at, fires at. Its times have been seen as numbers and as text."""

    start_time: Millis
    cancellation_time: Millis


class PlacedWire(msgspec.Struct, rename="camel"):
    id: AnyId | None = None
    client_order_id: Text | None = None
    code: int = FINE
    message: Text | None = None

    def value(self) -> Placed:
        return Placed(
            order_id="" if self.id is None else str(self.id),
            client_id=self.client_order_id or "",
            code=self.code,
            message=self.message or "",
        )


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order of a batch. `order_id` is empty when it was refused."""

    order_id: str
    client_id: str
    code: int = FINE
    message: str = ""

    @property
    def accepted(self) -> bool:
        return self.code == FINE and self.order_id not in ("", "0")


class CancelledWire(msgspec.Struct, rename="camel"):
    order_id: AnyId | None = None
    client_order_id: Text | None = None
    state: Text | None = None
    code: int = FINE
    message: Text | None = None

    def value(self) -> Cancelled:
        return Cancelled(
            order_id="" if self.order_id is None else str(self.order_id),
            client_id=self.client_order_id or "",
            state=self.state or "",
            code=self.code,
            message=self.message or "",
        )


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one cancel request. A hint only: the final quantity comes from the order itself."""

    order_id: str
    client_id: str
    state: str
    code: int = FINE
    message: str = ""

    @property
    def accepted(self) -> bool:
        return self.code == FINE
