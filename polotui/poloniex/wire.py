"""Poloniex's REST shapes, as they are on the wire, and what they become here.

Decided here: shapes that surprise are kept visible and have a test each: books are flat arrays, candles run
low-high-open-close, one market comes as an array of one, currencies as objects of one key, ids as text or number, side in
two cases. Unknown members are ignored, unknown words are kept. Private figures become Decimal from their text; public ones
become floats, refused when not finite.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

from polotui.core.text import clean
from polotui.model.account import Account, Balance, FeeInfo, Fill, Order
from polotui.model.candles import Candle
from polotui.model.market import BookView, Ticker, Trade
from polotui.model.money import ZERO, decimal_of
from polotui.model.symbols import Market
from polotui.poloniex.errors import BadReply


class WireError(BadReply):
    """An answer that has not the documented shape, or a number that is none."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The exchange sent {what}.", safe="Nothing of it was used.")


def finite(text: str | float) -> float:
    """A public figure. Raises WireError for NaN, infinity and what is no number."""
    try:
        value = float(text)
    except (TypeError, ValueError) as error:
        raise WireError(f"what is not a number: {clean(text, 40)!r}") from error
    if not math.isfinite(value):
        raise WireError(f"what is not a finite number: {clean(text, 40)!r}")
    return value


def exact(text: str | int | None) -> Decimal:
    """A private figure; absent and empty count as zero only where the reference says that the member is optional."""
    if text is None or text == "":
        return ZERO
    try:
        return decimal_of(text)
    except ValueError as error:
        raise WireError(f"what is {error}") from error


class ErrorBody(msgspec.Struct):
    code: int = 0
    message: str = ""
    msg: str = ""


class ServerTime(msgspec.Struct):
    serverTime: int  # noqa: N815 - the exchange's name


class TradeLimit(msgspec.Struct):
    priceScale: int  # noqa: N815
    quantityScale: int  # noqa: N815
    amountScale: int  # noqa: N815
    minQuantity: str  # noqa: N815
    minAmount: str  # noqa: N815
    maxQuantity: str = "0"  # noqa: N815
    maxAmount: str = "0"  # noqa: N815


class WireMarket(msgspec.Struct):
    symbol: str
    baseCurrencyName: str  # noqa: N815
    quoteCurrencyName: str  # noqa: N815
    state: str
    symbolTradeLimit: TradeLimit  # noqa: N815

    def market(self) -> Market:
        limit = self.symbolTradeLimit
        return Market(
            symbol=self.symbol,
            base=self.baseCurrencyName,
            quote=self.quoteCurrencyName,
            price_scale=_scale(limit.priceScale),
            quantity_scale=_scale(limit.quantityScale),
            amount_scale=_scale(limit.amountScale),
            min_quantity=exact(limit.minQuantity),
            min_amount=exact(limit.minAmount),
            max_quantity=exact(limit.maxQuantity) or None,
            max_amount=exact(limit.maxAmount) or None,
            state=self.state,
        )


def _scale(value: int) -> int:
    if not 0 <= value <= 30:
        raise WireError(f"a scale of {value}")
    return value


class WireTicker(msgspec.Struct):
    symbol: str
    open: str
    low: str
    high: str
    close: str
    quantity: str
    amount: str
    tradeCount: int = -1  # noqa: N815
    dailyChange: str | None = None  # noqa: N815
    bid: str | None = None
    ask: str | None = None
    markPrice: str | None = None  # noqa: N815
    ts: int = 0

    def ticker(self) -> Ticker:
        return Ticker(
            symbol=self.symbol,
            last=finite(self.close),
            open=finite(self.open),
            high=finite(self.high),
            low=finite(self.low),
            volume=finite(self.quantity),
            amount=finite(self.amount),
            change=_maybe(self.dailyChange),
            bid=_maybe(self.bid),
            ask=_maybe(self.ask),
            mark=_maybe(self.markPrice),
            trades=self.tradeCount,
            ts_ms=self.ts,
        )


def _maybe(text: str | None) -> float | None:
    return None if text in (None, "") else finite(text)  # type: ignore[arg-type]


class WirePrice(msgspec.Struct):
    symbol: str
    price: str
    time: int = 0
    dailyChange: str | None = None  # noqa: N815
    ts: int = 0


class WireMarkPrice(msgspec.Struct):
    symbol: str
    markPrice: str  # noqa: N815
    time: int | str = 0


class WireBook(msgspec.Struct):
    time: int
    bids: list[str]
    asks: list[str]
    scale: str = ""
    ts: int = 0

    def view(self, symbol: str) -> BookView:
        return BookView(symbol=symbol, id=0, ts_ms=self.ts or self.time, bids=_pairs(self.bids), asks=_pairs(self.asks))


def _pairs(flat: list[str]) -> list[tuple[float, float]]:
    """Price, quantity, price, quantity … as pairs."""
    if len(flat) % 2:
        raise WireError("a book side with an odd number of members")
    return [(finite(flat[at]), finite(flat[at + 1])) for at in range(0, len(flat), 2)]


class WireTrade(msgspec.Struct):
    id: str | int
    price: str
    quantity: str
    takerSide: str  # noqa: N815
    createTime: int = 0  # noqa: N815
    ts: int = 0

    def trade(self) -> Trade:
        return Trade(
            int(self.id), self.createTime or self.ts, finite(self.price), finite(self.quantity), is_buy(self.takerSide)
        )


def is_buy(side: str) -> bool:
    """REST says BUY, the stream says buy."""
    word = side.upper()
    if word not in ("BUY", "SELL"):
        raise WireError(f"a side of {side[:20]!r}")
    return word == "BUY"


def candle_of(row: list[Any]) -> Candle:
    """A REST candle: low, high, open, close, amount, quantity, two of takers, count, ts, average, interval, start, end."""
    if len(row) < 14:
        raise WireError(f"a candle of {len(row)} members")
    return Candle(
        open_ms=int(row[12]),
        low=finite(row[0]),
        high=finite(row[1]),
        open=finite(row[2]),
        close=finite(row[3]),
        amount=finite(row[4]),
        volume=finite(row[5]),
        trades=int(row[8]),
        closed=True,
    )


class WireBalance(msgspec.Struct):
    currency: str
    available: str
    hold: str
    currencyId: str | int = ""  # noqa: N815


class WireAccount(msgspec.Struct):
    accountId: str  # noqa: N815
    accountType: str  # noqa: N815
    balances: list[WireBalance] = []
    accountState: str = "NORMAL"  # noqa: N815

    def account(self) -> Account:
        rows = tuple(
            Balance(currency=row.currency, available=exact(row.available), hold=exact(row.hold)) for row in self.balances
        )
        return Account(id=self.accountId, kind=self.accountType, balances=rows)


class WireSpecialFee(msgspec.Struct):
    symbol: str
    makerRate: str  # noqa: N815
    takerRate: str  # noqa: N815


class WireFees(msgspec.Struct):
    makerRate: str  # noqa: N815
    takerRate: str  # noqa: N815
    volume30D: str = "0"  # noqa: N815
    trxDiscount: bool = False  # noqa: N815
    specialFeeRates: list[WireSpecialFee] = []  # noqa: N815

    def fees(self) -> FeeInfo:
        special = {fee.symbol: (exact(fee.makerRate), exact(fee.takerRate)) for fee in self.specialFeeRates}
        return FeeInfo(
            maker=exact(self.makerRate), taker=exact(self.takerRate), special=special, volume_30d=exact(self.volume30D)
        )


class WireOrder(msgspec.Struct):
    id: str | int
    symbol: str
    state: str
    side: str
    type: str
    clientOrderId: str | None = ""  # noqa: N815
    timeInForce: str = "GTC"  # noqa: N815
    quantity: str = "0"
    price: str = "0"
    amount: str = "0"
    avgPrice: str = "0"  # noqa: N815
    filledQuantity: str = "0"  # noqa: N815
    filledAmount: str = "0"  # noqa: N815
    createTime: int = 0  # noqa: N815
    updateTime: int = 0  # noqa: N815
    orderSource: str = ""  # noqa: N815

    def order(self) -> Order:
        return Order(
            id=str(self.id),
            client_id=self.clientOrderId or "",
            symbol=self.symbol,
            side=self.side.upper(),
            type=self.type,
            state=self.state,
            time_in_force=self.timeInForce,
            price=exact(self.price),
            quantity=exact(self.quantity),
            amount=exact(self.amount),
            filled_quantity=exact(self.filledQuantity),
            filled_amount=exact(self.filledAmount),
            average_price=exact(self.avgPrice),
            created_ms=self.createTime,
            updated_ms=self.updateTime,
            source=self.orderSource,
        )


class WireFill(msgspec.Struct):
    id: str | int
    symbol: str
    orderId: str | int  # noqa: N815
    side: str
    price: str
    quantity: str
    amount: str
    feeCurrency: str  # noqa: N815
    feeAmount: str  # noqa: N815
    createTime: int  # noqa: N815
    matchRole: str = ""  # noqa: N815
    pageId: str | int = ""  # noqa: N815
    clientOrderId: str | None = ""  # noqa: N815

    def fill(self) -> Fill:
        return Fill(
            id=str(self.id),
            order_id=str(self.orderId),
            client_id=self.clientOrderId or "",
            symbol=self.symbol,
            side=self.side.upper(),
            role=self.matchRole,
            price=exact(self.price),
            quantity=exact(self.quantity),
            amount=exact(self.amount),
            fee=exact(self.feeAmount),
            fee_currency=self.feeCurrency,
            ts_ms=self.createTime,
            page_id=str(self.pageId),
        )


class WireActivity(msgspec.Struct):
    id: str | int
    currency: str
    amount: str
    state: str
    createTime: int  # noqa: N815
    activityType: int = 200  # noqa: N815
    description: str = ""


def single_key(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`[{"BTC": {…}}, {"ETH": {…}}]` as one mapping."""
    merged: dict[str, Any] = {}
    for row in rows:
        merged.update(row)
    return merged
