"""Public REST messages as they stand on the wire, and what they become.

Decided here: every number is bounded by its type (a price is >= 0 and at most 1e18), and these bounds also keep out
NaN and infinity, which a lax decoder would take. Unknown words stay as they are; unknown members are ignored.
Prices of markets and candles become floats; limits of a market, which orders must keep, stay exact.

Shapes that surprise, each with a test: order books are flat arrays, candles are low-high-open-close, one market
comes as an array of one, currencies are objects with a single key.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from polotui.model.candles import Candle, Timeframe
from polotui.model.market import BookView, Ticker, Trade
from polotui.model.money import decimal_of
from polotui.model.symbols import Market
from polotui.poloniex.errors import BadReply

T = TypeVar("T")

#: A finite number that is not negative. The bounds refuse NaN and infinity.
Amount = Annotated[float, Meta(ge=0, le=1e18)]
#: A finite number of either sign.
Signed = Annotated[float, Meta(ge=-1e18, le=1e18)]
Millis = Annotated[int, Meta(ge=0, le=10**15)]
Count = Annotated[int, Meta(ge=0, le=10**15)]
#: Ids lie above 2**53: they are integers or text, never floats.
Id64 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Scale = Annotated[int, Meta(ge=0, le=30)]
Text = Annotated[str, Meta(max_length=200)]
Symbol = Annotated[str, Meta(min_length=1, max_length=60)]

#: A decimal with more digits before or behind the point than this is not money.
_MOST_DIGITS = 40

INTERVALS = {
    Timeframe.M1: "MINUTE_1",
    Timeframe.M5: "MINUTE_5",
    Timeframe.M15: "MINUTE_15",
    Timeframe.M30: "MINUTE_30",
    Timeframe.H1: "HOUR_1",
    Timeframe.H4: "HOUR_4",
    Timeframe.D1: "DAY_1",
}


def decode(body: bytes, form: type[T], what: str) -> T:
    """`body` as `form`. Raises BadReply."""
    try:
        return msgspec.json.decode(body, type=form, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadReply(what, str(error)) from error


def exact(value: Decimal | None, what: str) -> Decimal:
    """A finite decimal of sane length; a missing one is zero. Raises BadReply."""
    if value is None:
        return Decimal(0)
    try:
        number = decimal_of(value)
    except ValueError as error:
        raise BadReply(what, str(error)) from error
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > _MOST_DIGITS or (isinstance(exponent, int) and abs(exponent) > _MOST_DIGITS):
        raise BadReply(what, f"a number with too many digits: {str(value)[:40]}")
    return number


class ServerTime(msgspec.Struct, frozen=True):
    serverTime: Millis  # noqa: N815 - the exchange's word


class TradeLimitWire(msgspec.Struct, rename="camel"):
    price_scale: Scale
    quantity_scale: Scale
    amount_scale: Scale
    min_quantity: Decimal
    min_amount: Decimal
    max_quantity: Decimal | None = None
    max_amount: Decimal | None = None


class MarketWire(msgspec.Struct, rename="camel"):
    symbol: Symbol
    base_currency_name: Text
    quote_currency_name: Text
    symbol_trade_limit: TradeLimitWire
    state: Text = "UNKNOWN"

    def value(self) -> Market:
        limit = self.symbol_trade_limit
        return Market(
            symbol=self.symbol,
            base=self.base_currency_name,
            quote=self.quote_currency_name,
            price_scale=limit.price_scale,
            quantity_scale=limit.quantity_scale,
            amount_scale=limit.amount_scale,
            min_quantity=exact(limit.min_quantity, self.symbol),
            min_amount=exact(limit.min_amount, self.symbol),
            max_quantity=_cap(limit.max_quantity, self.symbol),
            max_amount=_cap(limit.max_amount, self.symbol),
            state=self.state,
        )


def _cap(value: Decimal | None, what: str) -> Decimal | None:
    """A limit per order; absent and zero both mean that there is none."""
    return exact(value, what) or None


class Network(msgspec.Struct, rename="camel", frozen=True):
    """One chain that carries a currency. `coin` is the name on that chain."""

    coin: Text
    blockchain: Text = ""
    withdrawal_enable: bool = False
    deposit_enable: bool = False
    withdraw_fee: Decimal | None = None
    withdraw_min: Decimal | None = None
    decimals: int | None = None
    contract_address: Text | None = None


class Currency(msgspec.Struct, rename="camel", frozen=True):
    """A currency of the older list; `code` is its name in symbols."""

    id: int
    name: Text = ""
    code: Text = ""
    delisted: bool = False
    trading_state: Text = ""
    wallet_state: Text = ""
    wallet_deposit_state: Text = ""
    wallet_withdrawal_state: Text = ""
    support_collateral: bool = False
    support_borrow: bool = False
    is_multi_chain: bool = False
    is_child_chain: bool = False
    child_chains: tuple[str, ...] = ()
    parent_chain: Text | None = None


class CurrencyV2(msgspec.Struct, rename="camel", frozen=True):
    """A currency of the newer list, with its chains."""

    id: int
    coin: Text
    name: Text = ""
    delisted: bool = False
    trade_enable: bool = True
    support_collateral: bool = False
    support_borrow: bool = False
    network_list: tuple[Network, ...] = ()


def currencies(rows: list[dict[str, Currency]]) -> list[Currency]:
    """Objects with a single key each become currencies that know their own name."""
    return [msgspec.structs.replace(currency, code=code) for row in rows for code, currency in row.items()]


class Price(msgspec.Struct, rename="camel", frozen=True):
    """The last price of one symbol."""

    symbol: Symbol
    price: Amount
    time: Millis = 0
    daily_change: Signed | None = None
    ts: Millis = 0


class MarkPrice(msgspec.Struct, rename="camel", frozen=True):
    """The mark price of one symbol; its time has been seen as number and as text."""

    symbol: Symbol
    mark_price: Amount
    time: Millis = 0


class MarkPart(msgspec.Struct, rename="camel", frozen=True):
    """One exchange's share in a mark price."""

    symbol: Text
    symbol_price: Amount
    weight: Amount
    convert_price: Amount
    exchange: Text


class MarkPriceParts(msgspec.Struct, rename="camel", frozen=True):
    """A mark price with what it is made of."""

    symbol: Symbol
    mark_price: Amount
    ts: Millis = 0
    components: tuple[MarkPart, ...] = ()


class Collateral(msgspec.Struct, rename="camel", frozen=True):
    """How far a currency counts as margin."""

    currency: Text
    collateral_rate: Amount
    initial_margin_rate: Amount
    maintenance_margin_rate: Amount


class BorrowRate(msgspec.Struct, rename="camel", frozen=True):
    """What borrowing a currency costs."""

    currency: Text
    daily_borrow_rate: Amount
    hourly_borrow_rate: Amount
    borrow_limit: Amount = 0.0


class BorrowTier(msgspec.Struct, frozen=True):
    """Borrow rates of one fee tier."""

    tier: Text
    rates: tuple[BorrowRate, ...] = ()


class TickerWire(msgspec.Struct, rename="camel"):
    symbol: Symbol
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    quantity: Amount
    amount: Amount
    trade_count: Count = 0
    daily_change: Signed | None = None
    bid: Amount | None = None
    ask: Amount | None = None
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
            bid=self.bid,
            ask=self.ask,
            mark=self.mark_price,
            trades=self.trade_count,
            ts_ms=self.ts,
        )


class BookWire(msgspec.Struct):
    asks: list[Amount]
    bids: list[Amount]
    time: Millis = 0
    ts: Millis = 0
    scale: Text = ""

    def value(self, symbol: str) -> BookView:
        """The REST book has no sequence number, so its `id` is 0: it can't be joined to the stream."""
        return BookView(
            symbol=symbol,
            id=0,
            ts_ms=self.ts or self.time,
            bids=_pairs(self.bids, symbol),
            asks=_pairs(self.asks, symbol),
        )


def _pairs(flat: list[float], symbol: str) -> list[tuple[float, float]]:
    if len(flat) % 2:
        raise BadReply(f"the order book of {symbol}", "a price without a quantity")
    return list(zip(flat[::2], flat[1::2], strict=True))


class CandleWire(msgspec.Struct, array_like=True):
    low: Amount
    high: Amount
    open: Amount
    close: Amount
    amount: Amount
    quantity: Amount
    buy_taker_amount: Amount
    buy_taker_quantity: Amount
    trade_count: Count
    ts: Millis
    weighted_average: Amount
    interval: Text
    start_time: Millis
    close_time: Millis

    def value(self, now_ms: int) -> Candle:
        return Candle(
            open_ms=self.start_time,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.quantity,
            amount=self.amount,
            trades=self.trade_count,
            closed=self.close_time < now_ms,
        )


def candles(rows: list[CandleWire], now_ms: int) -> list[Candle]:
    """Oldest first, one a start time. A row that a later one follows is closed, whatever the clocks say."""
    ordered = sorted(rows, key=lambda row: row.start_time)
    latest = ordered[-1].start_time if ordered else 0
    return [
        row.value(now_ms if row.start_time == latest else row.close_time + 1)
        for index, row in enumerate(ordered)
        if index + 1 == len(ordered) or ordered[index + 1].start_time != row.start_time
    ]


class TradeWire(msgspec.Struct, rename="camel"):
    id: Id64
    price: Amount
    quantity: Amount
    taker_side: Text
    create_time: Millis
    amount: Amount = 0.0
    ts: Millis = 0

    def value(self) -> Trade:
        return Trade(self.id, self.create_time, self.price, self.quantity, self.taker_side.upper() == "BUY")
