"""`polotui market`: what the exchange shows of its markets."""

from __future__ import annotations

from typing import Annotated

import typer

from polotui.api.commands import GetBook, GetCandles, GetMarkets, GetTickers, GetTrades
from polotui.api.replies import Book, CandleSeries, Markets, Source, Tickers, Trades
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, clock, document, moment, note, number, percent, say, table
from polotui.cli.where import symbol_of, timeframe_of, where
from polotui.core.text import clean

app = new_app("Symbols, prices, books, trades, candles.")
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC_USDT; btc/usdt is the same.")]
_CHANGE_HEAD = "24 h"


@app.command()
def markets(
    top: Annotated[int, typer.Option(min=0, max=1000, help="Only so many, by 24 h turnover; 0 means all.")] = 0,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """All symbols with their decimals and smallest orders."""
    reply = ask(where(home, demo=demo), GetMarkets(top=top))
    assert isinstance(reply, Markets)
    if as_json:
        say(document("market.markets", reply))
        return
    rows = [
        [
            clean(market.symbol, 30),
            clean(market.state, 20),
            str(market.price_scale),
            str(market.quantity_scale),
            number(market.min_quantity),
            number(market.min_amount),
        ]
        for market in reply.markets
    ]
    say(table(["symbol", "state", "price dec.", "qty dec.", "min qty", "min amount"], rows, "llrrdd"))
    _source(reply.source)


@app.command()
def ticker(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="None: all symbols.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """The last 24 hours of one symbol, several or all."""
    wanted = [symbol_of(symbol) for symbol in symbols or []]
    reply = ask(where(home, demo=demo), GetTickers(symbols=wanted))
    assert isinstance(reply, Tickers)
    if as_json:
        say(document("market.ticker", reply))
        return
    rows = [
        [
            clean(row.symbol, 30),
            number(row.last),
            percent(row.change),
            number(row.bid),
            number(row.ask),
            number(row.high),
            number(row.low),
            number(row.amount),
            clock(row.ts_ms),
        ]
        for row in reply.tickers
    ]
    heads = ["symbol", "last", _CHANGE_HEAD, "bid", "ask", "high", "low", "turnover", "at (UTC)"]
    say(table(heads, rows, "lddddddd" + "l"))
    if reply.missing:
        note(f"No answer for {', '.join(clean(symbol, 30) for symbol in reply.missing)}.")
    _source(reply.source)


@app.command()
def book(
    symbol: Symbol,
    depth: Annotated[int, typer.Option(min=1, max=150, help="Levels on each side.")] = 10,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """The order book: asks above, bids below."""
    reply = ask(where(home, demo=demo), GetBook(symbol=symbol_of(symbol), depth=depth))
    assert isinstance(reply, Book)
    if as_json:
        say(document("market.book", reply))
        return
    asks = [["ask", number(level.price), number(level.quantity)] for level in reversed(reply.asks[:depth])]
    bids = [["bid", number(level.price), number(level.quantity)] for level in reply.bids[:depth]]
    say(table(["side", "price", "quantity"], [*asks, *bids], "ldd"))
    if not asks or not bids:
        note(f"{clean(reply.symbol, 30)} has no {'asks' if not asks else 'bids'}.")
    _source(reply.source, reply.ts_ms)


@app.command()
def trades(
    symbol: Symbol,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """The newest public trades, newest first."""
    reply = ask(where(home, demo=demo), GetTrades(symbol=symbol_of(symbol), limit=limit))
    assert isinstance(reply, Trades)
    if as_json:
        say(document("market.trades", reply))
        return
    rows = [
        [clock(trade.ts_ms), "buy" if trade.buy else "sell", number(trade.price), number(trade.quantity)]
        for trade in reply.trades
    ]
    say(table(["time (UTC)", "taker", "price", "quantity"], rows, "lldd"))
    _source(reply.source)


@app.command()
def candles(
    symbol: Symbol,
    timeframe: Annotated[str, typer.Option("--timeframe", "-t", help="1m, 5m, 15m, 30m, 1h, 4h or 1d.")] = "1h",
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many.")] = 24,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Candles, oldest first; the last one may still be forming."""
    command = GetCandles(symbol=symbol_of(symbol), timeframe=timeframe_of(timeframe), limit=limit)
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, CandleSeries)
    if as_json:
        say(document("market.candles", reply))
        return
    rows = [
        [
            moment(candle.open_ms) + ("" if candle.closed else " *"),
            *(number(value) for value in (candle.open, candle.high, candle.low, candle.close, candle.volume)),
            NONE if candle.trades < 0 else str(candle.trades),
        ]
        for candle in reply.candles
    ]
    say(table(["open (UTC)", "open", "high", "low", "close", "volume", "trades"], rows, "ldddddr"))
    if any(not candle.closed for candle in reply.candles):
        note("* still forming")
    for start, end in reply.gaps:
        note(f"The exchange has no candles from {moment(start)} to {moment(end)} UTC.")
    _source(reply.source)


def _source(source: Source, at_ms: int = 0) -> None:
    """Where the figures come from, said when they are not fresh."""
    at = f", {clock(at_ms)} UTC" if at_ms else ""
    if source.stale:
        note(f"Stale: from the {clean(source.name, 30)}, {source.age_ms / 1000:.0f} s old{at}.")
    elif source.age_ms >= 1_000:
        note(f"From the {clean(source.name, 30)}, {source.age_ms / 1000:.0f} s old{at}.")
