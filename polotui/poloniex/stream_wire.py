"""Messages of the streams as they stand on the wire.

Decided here: an envelope first (pongs, acknowledgements, errors and order replies carry no data of a channel), then the
decoder of the channel on the untouched data. Public prices go straight to floats whose type bounds keep out NaN and
infinity; own orders and balances stay exact decimals. Each element of a frame becomes one message of its own; a book
is a `BookSnapshot` or a `BookUpdate`, so nobody has to compare words on the hot path.

A frame that fits no form raises `Malformed` and changes nothing. A channel nobody knows becomes an `Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from polotui.model.account import Balance
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade
from polotui.model.money import decimal_of
from polotui.poloniex.wire import Amount, Count, Id64, MarketWire, Millis, Signed, Symbol, Text
from polotui.poloniex.wire_account import AnyId

#: A level of a book: price and quantity.
Level = tuple[Amount, Amount]
Levels = Annotated[list[Level], Meta(max_length=1000)]


class Malformed(ValueError):
    """A frame that is not what the protocol says."""


class Envelope(msgspec.Struct, gc=False):
    """What any frame may carry at its top. The socket bounds its length, so the words here need no bound."""

    channel: str = ""
    event: str = ""
    action: str = ""
    data: Raw = Raw(b"")
    message: str | None = None
    id: AnyId | None = None
    symbols: list[Text] | None = None
    subscriptions: list[Text] | None = None


class Pong(msgspec.Struct, frozen=True):
    """The answer to a ping."""


class Ack(msgspec.Struct, frozen=True):
    """The exchange carried out `event` (subscribe, unsubscribe, unsubscribe_all) for one channel."""

    event: str
    channel: str
    symbols: tuple[str, ...] = ()


class ErrorFrame(msgspec.Struct, frozen=True):
    """The exchange complained; the socket stays open."""

    text: str


class AuthReply(msgspec.Struct):
    """Whether the private socket accepted the signature."""

    success: bool
    message: Text = ""
    ts: Millis = 0


class Subscriptions(msgspec.Struct, frozen=True):
    """The answer to list_subscriptions."""

    channels: tuple[str, ...]


class Unknown(msgspec.Struct, frozen=True):
    """Data of a channel that this version does not know, kept as text."""

    channel: str
    data: bytes


class TickerMessage(msgspec.Struct, rename="camel", gc=False):
    """The last 24 hours of a symbol. `close_time` is the time of its last trade."""

    symbol: Symbol
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    quantity: Amount
    amount: Amount
    trade_count: Count = 0
    daily_change: Signed | None = None
    mark_price: Amount | None = None
    close_time: Millis = 0
    ts: Millis = 0

    def value(self) -> Ticker:
        return Ticker(
            symbol=self.symbol,
            last=self.close,
            open=self.open,
            high=self.high,
            low=self.low,
            volume=self.quantity,
            amount=self.amount,
            change=self.daily_change,
            mark=self.mark_price,
            trades=self.trade_count,
            ts_ms=self.ts,
        )


class TradeMessage(msgspec.Struct, rename="camel", gc=False):
    """One public trade; ids of a symbol grow by one."""

    symbol: Symbol
    id: Id64
    price: Amount
    quantity: Amount
    taker_side: Text
    create_time: Millis
    amount: Amount = 0.0
    ts: Millis = 0

    def value(self) -> Trade:
        side = self.taker_side
        return Trade(self.id, self.create_time, self.price, self.quantity, side == "buy" or side.lower() == "buy")


class CandleMessage(msgspec.Struct, rename="camel", gc=False):
    """The candle that is forming. `channel` names its interval and is set from the frame."""

    symbol: Symbol
    start_time: Millis
    close_time: Millis
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    quantity: Amount
    amount: Amount
    trade_count: Count = 0
    ts: Millis = 0
    channel: str = ""

    def value(self, *, closed: bool) -> Candle:
        return Candle(
            self.start_time,
            self.open,
            self.high,
            self.low,
            self.close,
            self.quantity,
            self.amount,
            self.trade_count,
            closed,
        )


class BookSnapshot(msgspec.Struct, rename="camel", gc=False):
    """The whole visible book; replaces whatever was known."""

    symbol: Symbol
    asks: Levels
    bids: Levels
    id: Id64
    last_id: Id64 = 0
    create_time: Millis = 0
    ts: Millis = 0


class BookUpdate(msgspec.Struct, rename="camel", gc=False):
    """Changed levels (quantity 0 removes one). Follows the message whose `id` is this one's `last_id`."""

    symbol: Symbol
    asks: Levels
    bids: Levels
    id: Id64
    last_id: Id64
    create_time: Millis = 0
    ts: Millis = 0


class FullBook(msgspec.Struct, rename="camel"):
    """The plain `book` channel: 5 to 20 levels, whole each time, without a sequence."""

    symbol: Symbol
    asks: Levels
    bids: Levels
    id: Id64 = 0
    create_time: Millis = 0
    ts: Millis = 0


class SymbolMessage(MarketWire):
    """A market's rules, as in REST."""


class CurrencyMessage(msgspec.Struct, rename="camel"):
    """A currency's state; flat, unlike in REST."""

    currency: Text
    id: int = 0
    name: Text = ""
    delisted: bool = False
    trading_state: Text = ""
    wallet_state: Text = ""
    wallet_deposit_state: Text = ""
    wallet_withdrawal_state: Text = ""


class ExchangeMode(msgspec.Struct):
    """Whether the whole exchange is in maintenance or takes post-only orders."""

    maintenance_word: Text = msgspec.field(name="MM", default="OFF")
    post_only_word: Text = msgspec.field(name="POM", default="OFF")

    @property
    def maintenance(self) -> bool:
        return self.maintenance_word.upper() == "ON"

    @property
    def post_only(self) -> bool:
        return self.post_only_word.upper() == "ON"


class OrderEvent(msgspec.Struct, rename="camel"):
    """Something happened to an own order. `trade_*` describe this fill, `filled_*` the totals after it."""

    symbol: Symbol
    order_id: AnyId
    event_type: Text
    state: Text
    side: Text
    type: Text
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    filled_amount: Decimal
    client_order_id: Text | None = None
    order_amount: Decimal = Decimal(0)
    trade_id: AnyId = "0"
    trade_price: Decimal = Decimal(0)
    trade_qty: Decimal = Decimal(0)
    trade_amount: Decimal = Decimal(0)
    trade_fee: Decimal = Decimal(0)
    fee_currency: Text = ""
    match_role: Text = ""
    source: Text = ""
    trade_time: Millis = 0
    create_time: Millis = 0
    ts: Millis = 0

    def __post_init__(self) -> None:
        for number in (
            self.price,
            self.quantity,
            self.filled_quantity,
            self.filled_amount,
            self.order_amount,
            self.trade_price,
            self.trade_qty,
            self.trade_amount,
            self.trade_fee,
        ):
            _finite(number)
        self.order_id = str(self.order_id)
        self.trade_id = str(self.trade_id)


class BalanceEvent(msgspec.Struct, rename="camel"):
    """A currency's new absolute balance. `version` counts its changes; the event's word comes in either case."""

    currency: Text
    available: Decimal
    hold: Decimal
    event_type: Text = ""
    id: AnyId = ""
    account_id: AnyId = ""
    account_type: Text = ""
    change_time: Millis = 0
    version: Count = 0
    ts: Millis = 0

    def __post_init__(self) -> None:
        _finite(self.available)
        _finite(self.hold)
        self.event_type = self.event_type.lower()
        self.id = str(self.id)
        self.account_id = str(self.account_id)

    def value(self) -> Balance:
        return Balance(currency=self.currency, available=self.available, hold=self.hold)


class TradeReply(msgspec.Struct, rename="camel"):
    """One element of the reply to an order sent over the socket. Its ids are bare 64-bit numbers on the wire."""

    order_id: AnyId = ""
    client_order_id: Text | None = None
    code: int = 200
    message: Text | None = None
    state: Text | None = None
    request_id: str = ""

    def __post_init__(self) -> None:
        self.order_id = str(self.order_id)


def _finite(number: Decimal) -> None:
    decimal_of(number)
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > 40 or (isinstance(exponent, int) and abs(exponent) > 40):
        raise ValueError("a number with too many digits")


Message = (
    TickerMessage
    | TradeMessage
    | CandleMessage
    | BookSnapshot
    | BookUpdate
    | FullBook
    | SymbolMessage
    | CurrencyMessage
    | ExchangeMode
    | OrderEvent
    | BalanceEvent
    | TradeReply
    | Pong
    | Ack
    | ErrorFrame
    | AuthReply
    | Subscriptions
    | Unknown
)


def _rows(form: Any) -> Callable[[Raw], list[Any]]:
    return msgspec.json.Decoder(Annotated[list[form], Meta(max_length=10_000)], strict=False).decode


_envelope = msgspec.json.Decoder(Envelope).decode
_auth = msgspec.json.Decoder(AuthReply).decode
_replies = _rows(TradeReply)
_candles = _rows(CandleMessage)
_channels: dict[str, Callable[[Raw], list[Any]]] = {
    "book_lv2snapshot": _rows(BookSnapshot),
    "book_lv2update": _rows(BookUpdate),
    "ticker": _rows(TickerMessage),
    "trades": _rows(TradeMessage),
    "book": _rows(FullBook),
    "symbols": _rows(SymbolMessage),
    "currencies": _rows(CurrencyMessage),
    "exchange": _rows(ExchangeMode),
    "orders": _rows(OrderEvent),
    "balances": _rows(BalanceEvent),
}


def read(frame: bytes) -> list[Any]:
    """The messages of one frame. Raises Malformed."""
    try:
        envelope = _envelope(frame)
        data = envelope.data
        if not data:
            return [_control(envelope)]
        # Only the books' form depends on the action; elsewhere it is absent or says nothing.
        decoder = _channels.get(envelope.channel + envelope.action)
        return _rarer(envelope) if decoder is None else decoder(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from error


def _rarer(envelope: Envelope) -> list[Any]:
    channel = envelope.channel
    if (decoder := _channels.get(channel)) is not None:
        return decoder(envelope.data)
    if channel == "book_lv2":
        raise Malformed(f"a book that is neither snapshot nor update: {envelope.action!r}")
    if channel.startswith("candles_"):
        rows = _candles(envelope.data)
        for row in rows:
            row.channel = channel
        return rows
    if channel == "auth":
        return [_auth(envelope.data)]
    if not channel and envelope.id is not None:
        replies = _replies(envelope.data)
        for reply in replies:
            reply.request_id = str(envelope.id)
        return replies
    return [Unknown(channel[:200], bytes(envelope.data)[:4096])]


def _control(envelope: Envelope) -> Any:
    event = envelope.event
    if event == "pong":
        return Pong()
    if event == "error" or (not event and envelope.message):
        return ErrorFrame((envelope.message or "")[:2000])
    if event:
        return Ack(event, envelope.channel, tuple(envelope.symbols or ()))
    if envelope.subscriptions is not None:
        return Subscriptions(tuple(envelope.subscriptions))
    raise Malformed("neither an event nor data")
