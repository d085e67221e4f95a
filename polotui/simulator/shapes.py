"""The rows of the protocol: how a market, a trade, a candle, a ticker and a currency are spelled.

Decided here: REST and WebSocket spellings live side by side, because they differ on purpose (flat or nested book,
array or object candle, upper- or lower-case taker side, number or text leverage).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from polotui.simulator.candles import Candle, bucket_end
from polotui.simulator.matching import BUY, SELL, SIDES
from polotui.simulator.units import padded, plain, text

if TYPE_CHECKING:
    from polotui.simulator.accounts import Account
    from polotui.simulator.config import SymbolSpec
    from polotui.simulator.exchange import Exchange
    from polotui.simulator.market import BookChange, Market, Trade

_LISTED_MS = 1_659_018_819_512
_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "USDT": "Tether USD", "XRP": "XRP", "TRX": "TRON"}


def push_ms(created_ms: int, salt: int) -> int:
    """When a frame is said to be pushed: 4 to 15 ms after the event."""
    return created_ms + 4 + salt % 12


# Markets


def market_row(market: Market) -> dict[str, object]:
    spec = market.spec
    return {
        "symbol": spec.symbol,
        "baseCurrencyName": spec.base,
        "quoteCurrencyName": spec.quote,
        "displayName": f"{spec.base}/{spec.quote}",
        "state": market.state,
        "visibleStartTime": _LISTED_MS,
        "tradableStartTime": _LISTED_MS,
        "symbolTradeLimit": {
            "symbol": spec.symbol,
            "priceScale": spec.price_scale,
            "quantityScale": spec.quantity_scale,
            "amountScale": spec.amount_scale,
            "minQuantity": spec.min_quantity,
            "minAmount": spec.min_amount,
            "maxQuantity": spec.max_quantity,
            "maxAmount": spec.max_amount,
            "highestBid": "0",
            "lowestAsk": "0",
        },
        "crossMargin": {"supportCrossMargin": spec.base in ("BTC", "ETH"), "maxLeverage": 3},
    }


def symbol_stream_row(market: Market) -> dict[str, object]:
    row = market_row(market)
    return row | {"crossMargin": {"supportCrossMargin": market.spec.base in ("BTC", "ETH"), "maxLeverage": "3"}}


def exchange_row(exchange: Exchange) -> dict[str, object]:
    return {"MM": "ON" if exchange.maintenance else "OFF", "POM": "ON" if exchange.post_only else "OFF"}


# Currencies


def currency_ids(exchange: Exchange) -> dict[str, int]:
    """Every currency that is traded, with its number; the same in every reply."""
    names: dict[str, int] = {}
    for market in exchange.markets.values():
        for name in (market.spec.quote, market.spec.base):
            names.setdefault(name, 214 if name == "USDT" else 28 if name == "BTC" else 300 + len(names))
    return names


def currency_row(name: str, number: int, *, chains: bool = False) -> dict[str, object]:
    row: dict[str, object] = {
        "id": number,
        "name": _NAMES.get(name, name.capitalize()),
        "description": f"{name} Clone",
        "type": "address",
        "withdrawalFee": "0.00100000",
        "minConf": 2,
        "depositAddress": None,
        "blockchain": name,
        "delisted": False,
        "tradingState": "NORMAL",
        "walletState": "ENABLED",
        "walletDepositState": "ENABLED",
        "walletWithdrawalState": "ENABLED",
        "supportCollateral": name in ("BTC", "ETH", "USDT"),
        "supportBorrow": name in ("BTC", "ETH", "USDT"),
    }
    if chains:
        row |= {"parentChain": None, "isMultiChain": False, "isChildChain": False, "childChains": []}
    return row


def currency_v2_row(name: str, number: int) -> dict[str, object]:
    collateral = name in ("BTC", "ETH", "USDT")
    network = {
        "id": number,
        "coin": name,
        "name": _NAMES.get(name, name.capitalize()),
        "currencyType": "address",
        "blockchain": name,
        "withdrawalEnable": True,
        "depositEnable": True,
        "depositAddress": None,
        "withdrawMin": "-1",
        "decimals": 8,
        "withdrawFee": "0.00100000",
        "minConfirm": 2,
        "contractAddress": None,
    }
    return {
        "id": number,
        "coin": name,
        "delisted": False,
        "tradeEnable": True,
        "name": _NAMES.get(name, name.capitalize()),
        "supportCollateral": collateral,
        "supportBorrow": collateral,
        "networkList": [network],
    }


def currency_stream_rows(exchange: Exchange, wanted: set[str]) -> Iterator[dict[str, object]]:
    for name, number in currency_ids(exchange).items():
        if "all" in wanted or name in wanted:
            yield {"currency": name, **currency_row(name, number)}


# Book


def levels_text(spec: SymbolSpec, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    price_scale, quantity_scale = spec.price_scale, spec.quantity_scale
    return [(text(price, price_scale), text(total, quantity_scale)) for price, total in levels]


def _padded_levels(spec: SymbolSpec, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(padded(price, spec.price_scale), padded(total, spec.quantity_scale)) for price, total in levels]


def book_snapshot(market: Market, now_ms: int) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "createTime": market.book_ms,
        "asks": _padded_levels(market.spec, market.window[SELL]),
        "bids": _padded_levels(market.spec, market.window[BUY]),
        "lastId": market.book_id - 1,
        "id": market.book_id,
        "ts": now_ms,
    }


def book_change_row(spec: SymbolSpec, change: BookChange) -> dict[str, object]:
    return {
        "symbol": spec.symbol,
        "createTime": change.created_ms,
        "asks": levels_text(spec, change.asks),
        "bids": levels_text(spec, change.bids),
        "lastId": change.last_id,
        "id": change.id,
        "ts": push_ms(change.created_ms, change.id),
    }


def book_row(market: Market, depth: int, now_ms: int) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "createTime": market.book_ms,
        "asks": levels_text(market.spec, market.window[SELL][:depth]),
        "bids": levels_text(market.spec, market.window[BUY][:depth]),
        "id": market.book_id,
        "ts": max(now_ms, push_ms(market.book_ms, market.book_id)),
    }


def book_rest(market: Market, limit: int, step: int, now_ms: int) -> dict[str, object]:
    """The flat REST book, grouped to `step` ticks: bids down, asks up."""
    spec = market.spec

    def flat(side: int) -> list[str]:
        rows: list[list[int]] = []
        for price, total in market.book.top(side, 10**9 if step > 1 else limit):
            grouped = price - price % step if side == BUY else -(-price // step) * step
            if rows and rows[-1][0] == grouped:
                rows[-1][1] += total
            elif len(rows) == limit:
                break
            else:
                rows.append([grouped, total])
        return [word for pair in levels_text(spec, ((row[0], row[1]) for row in rows)) for word in pair]

    return {
        "time": market.book_ms,
        "scale": text(step, spec.price_scale),
        "asks": flat(SELL),
        "bids": flat(BUY),
        "ts": now_ms,
    }


# Trades and candles


def trade_rest(spec: SymbolSpec, trade: Trade) -> dict[str, object]:
    return {
        "id": str(trade.id),
        "price": text(trade.price, spec.price_scale),
        "quantity": text(trade.quantity, spec.quantity_scale),
        "amount": text(trade.price * trade.quantity, spec.amount_places),
        "takerSide": SIDES[trade.taker_side],
        "ts": push_ms(trade.created_ms, trade.id),
        "createTime": trade.created_ms,
    }


def trade_stream_row(spec: SymbolSpec, trade: Trade) -> dict[str, object]:
    return {
        "symbol": spec.symbol,
        "amount": text(trade.price * trade.quantity, spec.amount_places),
        "quantity": text(trade.quantity, spec.quantity_scale),
        "takerSide": "buy" if trade.taker_side == BUY else "sell",
        "createTime": trade.created_ms,
        "price": text(trade.price, spec.price_scale),
        "id": str(trade.id),
        "ts": push_ms(trade.created_ms, trade.created_ms),
    }


def candle_rest(spec: SymbolSpec, interval: str, candle: Candle, now_ms: int) -> list[object]:
    price, quantity, amount = spec.price_scale, spec.quantity_scale, spec.amount_places
    end = bucket_end(interval, candle.start)
    average = Decimal(candle.amount) / candle.quantity if candle.quantity else Decimal(candle.close)
    return [
        text(candle.low, price),
        text(candle.high, price),
        text(candle.open, price),
        text(candle.close, price),
        text(candle.amount, amount),
        text(candle.quantity, quantity),
        text(candle.buy_amount, amount),
        text(candle.buy_quantity, quantity),
        candle.count,
        now_ms if end > now_ms else 0,
        plain(round(average.scaleb(-price), price)),
        interval,
        candle.start,
        end - 1,
    ]


def candle_stream_row(spec: SymbolSpec, interval: str, candle: Candle, now_ms: int) -> dict[str, object]:
    return {
        "symbol": spec.symbol,
        "amount": text(candle.amount, spec.amount_places),
        "high": text(candle.high, spec.price_scale),
        "quantity": text(candle.quantity, spec.quantity_scale),
        "tradeCount": candle.count,
        "low": text(candle.low, spec.price_scale),
        "closeTime": bucket_end(interval, candle.start) - 1,
        "startTime": candle.start,
        "close": text(candle.close, spec.price_scale),
        "open": text(candle.open, spec.price_scale),
        "ts": push_ms(now_ms, now_ms),
    }


# Prices


def daily_change(candle: Candle) -> str:
    """close/open - 1 as a fraction with four decimals."""
    if not candle.open:
        return "0"
    return plain(round(Decimal(candle.close) / Decimal(candle.open) - 1, 4))


def ticker_stream_row(market: Market, now_ms: int) -> dict[str, object]:
    spec, day = market.spec, market.day.candle(now_ms)
    return {
        "symbol": spec.symbol,
        "startTime": day.start,
        "open": text(day.open, spec.price_scale),
        "high": text(day.high, spec.price_scale),
        "low": text(day.low, spec.price_scale),
        "close": text(day.close, spec.price_scale),
        "quantity": text(day.quantity, spec.quantity_scale),
        "amount": text(day.amount, spec.amount_places),
        "tradeCount": day.count,
        "dailyChange": daily_change(day),
        "markPrice": text(market.mark_price, spec.price_scale),
        "closeTime": market.last_trade_ms,
        "ts": now_ms,
    }


def ticker_rest(market: Market, now_ms: int) -> dict[str, object]:
    spec = market.spec
    row = ticker_stream_row(market, now_ms) | {"displayName": f"{spec.base}/{spec.quote}"}
    for side, name in ((BUY, "bid"), (SELL, "ask")):
        best = market.book.top(side, 1)
        row[name] = text(best[0][0], spec.price_scale) if best else "0"
        row[f"{name}Quantity"] = text(best[0][1], spec.quantity_scale) if best else "0"
    return row


def price_rest(market: Market, now_ms: int) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "price": text(market.last_price, market.spec.price_scale),
        "time": market.last_trade_ms,
        "dailyChange": daily_change(market.day.candle(now_ms)),
        "ts": now_ms,
    }


def mark_rest(market: Market, now_ms: int) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "markPrice": text(market.mark_price, market.spec.price_scale),
        "time": now_ms,
    }


# Private


def balance_stream_row(account: Account, currency: str, event: str, number: int, now_ms: int) -> dict[str, object]:
    balance = account.balance(currency)
    return {
        "id": str(number),
        "accountId": account.account_id,
        "available": plain(balance.available),
        "accountType": "SPOT",
        "hold": plain(balance.hold),
        "changeTime": now_ms,
        "userId": account.user_id,
        "currency": currency,
        "eventType": event,
        "version": balance.version,
        "ts": push_ms(now_ms, number),
    }


def balance_rest(currency: str, number: int, available: Decimal, hold: Decimal) -> dict[str, object]:
    return {"currencyId": str(number), "currency": currency, "available": plain(available), "hold": plain(hold)}
