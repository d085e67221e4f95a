"""Stream messages: from bytes to typed values in one pass.

Decided here: a frame is first looked at as an envelope, because acknowledgements, pongs, errors and replies to requests
carry no tagged channel; the data is decoded by its channel, public prices straight to floats and checked finite, private
figures to Decimal. One frame holds one element as a rule; more are accepted. What does not decode is a `Malformed`, never
an exception that ends the stream.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

from polotui.core.text import clean
from polotui.model.account import Balance
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade
from polotui.poloniex.wire import WireError, exact, is_buy


class Envelope(msgspec.Struct):
    """What every frame may have; `data` stays undecoded."""

    channel: str | list[str] | None = None
    event: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    action: str | None = None
    message: str | None = None
    subscriptions: list[str] | None = None
    id: Any = None


class TickerData(msgspec.Struct):
    symbol: str
    open: float
    high: float
    low: float
    close: float
    quantity: float
    amount: float
    tradeCount: int = -1  # noqa: N815 - the exchange's name
    dailyChange: float | None = None  # noqa: N815
    markPrice: float | None = None  # noqa: N815
    closeTime: int = 0  # noqa: N815
    ts: int = 0

    def ticker(self) -> Ticker:
        return Ticker(
            symbol=self.symbol,
            last=_finite(self.close),
            open=_finite(self.open),
            high=_finite(self.high),
            low=_finite(self.low),
            volume=_finite(self.quantity),
            amount=_finite(self.amount),
            change=None if self.dailyChange is None else _finite(self.dailyChange),
            mark=None if self.markPrice is None else _finite(self.markPrice),
            trades=self.tradeCount,
            ts_ms=self.ts,
        )


class TradeData(msgspec.Struct):
    symbol: str
    id: int
    price: float
    quantity: float
    takerSide: str  # noqa: N815
    createTime: int  # noqa: N815
    ts: int = 0

    def trade(self) -> Trade:
        return Trade(
            self.id, self.createTime, _positive(self.price), _positive(self.quantity), is_buy(self.takerSide)
        )


class CandleData(msgspec.Struct):
    symbol: str
    open: float
    high: float
    low: float
    close: float
    quantity: float
    amount: float
    startTime: int  # noqa: N815
    closeTime: int = 0  # noqa: N815
    tradeCount: int = -1  # noqa: N815
    ts: int = 0

    def candle(self) -> Candle:
        return Candle(
            open_ms=self.startTime,
            open=_positive(self.open),
            high=_positive(self.high),
            low=_positive(self.low),
            close=_positive(self.close),
            volume=_finite(self.quantity),
            amount=_finite(self.amount),
            trades=self.tradeCount,
            closed=False,
        )


class BookData(msgspec.Struct):
    """`book_lv2`, and `book` (whose frames carry no `lastId`). Quantity 0 removes a level."""

    symbol: str
    asks: list[tuple[float, float]]
    bids: list[tuple[float, float]]
    id: int
    lastId: int = -1  # noqa: N815
    createTime: int = 0  # noqa: N815
    ts: int = 0

    def check(self) -> BookData:
        """Raises WireError when a price is not above zero or a quantity below it. One pass, most books pass."""
        for side in (self.asks, self.bids):
            for price, quantity in side:
                # A sum is finite exactly when both are: one test instead of two on the hot path.
                if not (price > 0.0 and quantity >= 0.0 and price + quantity < math.inf):
                    raise WireError(f"a book level of {price} × {quantity}")
        return self


class BookMessage(msgspec.Struct):
    channel: str
    snapshot: bool
    book: BookData


class TickerMessage(msgspec.Struct):
    """`traded_ms` is the time of the symbol's last trade: evidence against a silent trades channel."""

    ticker: Ticker
    traded_ms: int = 0


class TradesMessage(msgspec.Struct):
    symbol: str
    trades: list[Trade]


class CandleMessage(msgspec.Struct):
    channel: str
    symbol: str
    candle: Candle
    ts_ms: int


class BalanceMessage(msgspec.Struct):
    """One currency's new absolute balance. `version` counts the changes of a currency."""

    account_id: str
    balance: Balance
    cause: str
    version: int
    changed_ms: int


class OrderData(msgspec.Struct):
    symbol: str
    orderId: str | int  # noqa: N815
    eventType: str  # noqa: N815
    side: str
    type: str
    state: str
    clientOrderId: str | None = ""  # noqa: N815
    price: str = "0"
    quantity: str = "0"
    orderAmount: str = "0"  # noqa: N815
    filledQuantity: str = "0"  # noqa: N815
    filledAmount: str = "0"  # noqa: N815
    tradeId: str | int = "0"  # noqa: N815
    tradePrice: str = "0"  # noqa: N815
    tradeQty: str = "0"  # noqa: N815
    tradeAmount: str = "0"  # noqa: N815
    tradeFee: str = "0"  # noqa: N815
    feeCurrency: str = ""  # noqa: N815
    matchRole: str = ""  # noqa: N815
    source: str = ""
    createTime: int = 0  # noqa: N815
    tradeTime: int = 0  # noqa: N815
    ts: int = 0


class OrderMessage(msgspec.Struct):
    """An order changed: `event` is place, trade or canceled. Trade figures are this fill's, `filled_*` totals."""

    event: str
    symbol: str
    order_id: str
    client_id: str
    side: str
    type: str
    state: str
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    filled_amount: Decimal
    trade_id: str
    trade_price: Decimal
    trade_quantity: Decimal
    fee: Decimal
    fee_currency: str
    ts_ms: int


class OtherMessage(msgspec.Struct):
    """symbols, currencies, exchange and channels that polotui does not know: kept as they came."""

    channel: str
    action: str
    rows: list[Any]


class Ack(msgspec.Struct):
    """The server confirmed `event` (subscribe, unsubscribe) of a channel."""

    event: str
    channel: str


class AuthReply(msgspec.Struct):
    success: bool
    message: str = ""


class Pong(msgspec.Struct):
    pass


class ServerError(msgspec.Struct):
    message: str


class RequestReply(msgspec.Struct):
    """The answer to a request with an id (orders over the socket)."""

    id: str
    rows: list[Any]


class Malformed(msgspec.Struct):
    """A frame that could not be used: what was wrong, and its first characters, safe to print."""

    reason: str
    start: str


class BalanceData(msgspec.Struct):
    currency: str
    available: str
    hold: str
    accountId: str | int = ""  # noqa: N815
    eventType: str = ""  # noqa: N815
    version: int = 0
    changeTime: int = 0  # noqa: N815


Message = (
    BookMessage
    | TickerMessage
    | TradesMessage
    | CandleMessage
    | BalanceMessage
    | OrderMessage
    | OtherMessage
    | Ack
    | AuthReply
    | Pong
    | ServerError
    | RequestReply
    | Malformed
)

_envelope = msgspec.json.Decoder(Envelope)
_auth = msgspec.json.Decoder(AuthReply, strict=False)
_books = msgspec.json.Decoder(list[BookData], strict=False)
_tickers = msgspec.json.Decoder(list[TickerData], strict=False)
_trades = msgspec.json.Decoder(list[TradeData], strict=False)
_candles = msgspec.json.Decoder(list[CandleData], strict=False)
_orders = msgspec.json.Decoder(list[OrderData])
_balances = msgspec.json.Decoder(list[BalanceData])
_any = msgspec.json.Decoder(list[Any])
_PONG = [Pong()]


def decode(frame: bytes | str) -> list[Message]:
    """The messages of one frame; never raises."""
    try:
        envelope = _envelope.decode(frame)
        return _data(envelope) if isinstance(envelope.channel, str) and len(envelope.data) else _control(envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, WireError, ValueError, OverflowError) as error:
        start = frame[:120] if isinstance(frame, str) else frame[:120].decode("utf-8", "replace")
        return [Malformed(reason=clean(error, 120), start=clean(start, 120))]


def _control(envelope: Envelope) -> list[Message]:
    event = envelope.event
    if event == "pong":
        return list(_PONG)
    if event == "error" or (event is None and envelope.message is not None):
        return [ServerError(clean(envelope.message or "", 200))]
    if event in ("subscribe", "unsubscribe", "unsubscribe_all"):
        channel = envelope.channel
        return [Ack(event, channel if isinstance(channel, str) else ",".join(channel or []))]
    if envelope.id is not None and len(envelope.data):
        return [RequestReply(str(envelope.id), _any.decode(envelope.data))]
    return []


def _data(envelope: Envelope) -> list[Message]:
    channel, raw = str(envelope.channel), envelope.data
    if channel == "book_lv2":
        snapshot = envelope.action == "snapshot"
        return [BookMessage(channel, snapshot, book.check()) for book in _books.decode(raw)]
    if channel == "trades":
        return _by_symbol(_trades.decode(raw))
    if channel == "ticker":
        return [TickerMessage(row.ticker(), row.closeTime) for row in _tickers.decode(raw)]
    if channel.startswith("candles_"):
        return [CandleMessage(channel, row.symbol, row.candle(), row.ts) for row in _candles.decode(raw)]
    if channel == "orders":
        return [_order(row) for row in _orders.decode(raw)]
    if channel == "balances":
        return [_balance(row) for row in _balances.decode(raw)]
    if channel == "auth":
        return [_auth.decode(raw)]
    if channel == "book":
        return [BookMessage(channel, True, book.check()) for book in _books.decode(raw)]
    return [OtherMessage(channel, envelope.action or "", _any.decode(raw))]


def _by_symbol(rows: list[TradeData]) -> list[Message]:
    if len(rows) == 1:
        return [TradesMessage(rows[0].symbol, [rows[0].trade()])]
    grouped: dict[str, list[Trade]] = {}
    for row in rows:
        grouped.setdefault(row.symbol, []).append(row.trade())
    return [TradesMessage(symbol, trades) for symbol, trades in grouped.items()]


def _order(row: OrderData) -> OrderMessage:
    return OrderMessage(
        event=row.eventType.lower(),
        symbol=row.symbol,
        order_id=str(row.orderId),
        client_id=row.clientOrderId or "",
        side=row.side.upper(),
        type=row.type,
        state=row.state,
        price=exact(row.price),
        quantity=exact(row.quantity),
        filled_quantity=exact(row.filledQuantity),
        filled_amount=exact(row.filledAmount),
        trade_id=str(row.tradeId),
        trade_price=exact(row.tradePrice),
        trade_quantity=exact(row.tradeQty),
        fee=exact(row.tradeFee),
        fee_currency=row.feeCurrency,
        ts_ms=row.ts,
    )


def _balance(row: BalanceData) -> BalanceMessage:
    return BalanceMessage(
        account_id=str(row.accountId),
        balance=Balance(currency=row.currency, available=exact(row.available), hold=exact(row.hold)),
        cause=row.eventType.lower(),
        version=row.version,
        changed_ms=row.changeTime,
    )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise WireError("what is not a finite number")
    return value


def _positive(value: float) -> float:
    if not 0.0 < value < math.inf:
        raise WireError(f"a price or quantity of {value}")
    return value
