"""Markets, tickers, books, trades, candles, the watchlist."""

from __future__ import annotations

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.values import Level
from polotui.core.errors import UsageError
from polotui.engine.desk import symbol_info
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.model.candles import Timeframe


@handles(c.GetMarkets)
async def markets(engine: Engine, command: c.GetMarkets) -> r.Markets:
    await engine.ready()
    assert engine.desk is not None
    assert engine.exchange is not None
    found = await engine.desk.markets()
    names = sorted(found)
    if command.top:
        tickers, _, _ = await engine.exchange.all_tickers()
        turnover = {ticker.symbol: ticker.amount for ticker in tickers}
        names = sorted(found, key=lambda name: turnover.get(name, 0.0), reverse=True)[: command.top]
    return r.Markets(markets=[symbol_info(found[name]) for name in names], source=r.Source(name="exchange"))


@handles(c.GetTickers)
async def tickers(engine: Engine, command: c.GetTickers) -> r.Tickers:
    await engine.ready()
    assert engine.desk is not None
    assert engine.exchange is not None
    for symbol in command.symbols:
        await engine.desk.known(symbol)
    found, from_cache, age = await engine.exchange.all_tickers()
    rows = {ticker.symbol: ticker for ticker in found}
    wanted = command.symbols or sorted(rows)
    missing = [symbol for symbol in wanted if symbol not in rows]
    # The one call for all left these out: ask for them one by one.
    for symbol in list(missing)[:20]:
        single = await engine.exchange.rest.ticker(symbol)
        rows[symbol] = single
        missing.remove(symbol)
    return r.Tickers(
        tickers=[rows[symbol] for symbol in wanted if symbol in rows],
        source=r.Source(name="cache" if from_cache else "exchange", age_ms=round(age * 1000)),
        missing=missing,
    )


@handles(c.GetBook)
async def book(engine: Engine, command: c.GetBook) -> r.Book:
    await engine.ready()
    assert engine.desk is not None
    assert engine.exchange is not None
    await engine.desk.known(command.symbol)
    depth = min(max(command.depth, 1), 150)
    exchange = engine.exchange
    view = exchange.book_view(command.symbol, depth) if depth <= 20 else None
    stale = exchange.stale_since("book_lv2", command.symbol)
    if view is not None and not stale:
        source = r.Source(name="stream", age_ms=max(0, engine.clock.wall_ms() - view.ts_ms))
    else:
        view = await exchange.rest.order_book(command.symbol, limit=_rest_depth(depth))
        source = r.Source(name="exchange")
    return r.Book(
        symbol=command.symbol,
        ts_ms=view.ts_ms,
        bids=[Level(price, quantity) for price, quantity in view.bids[:depth]],
        asks=[Level(price, quantity) for price, quantity in view.asks[:depth]],
        source=source,
    )


def _rest_depth(depth: int) -> int:
    return next(allowed for allowed in (5, 10, 20, 50, 100, 150) if allowed >= depth)


@handles(c.GetTrades)
async def trades(engine: Engine, command: c.GetTrades) -> r.Trades:
    await engine.ready()
    assert engine.desk is not None
    assert engine.exchange is not None
    await engine.desk.known(command.symbol)
    limit = min(max(command.limit, 1), 1_000)
    found = await engine.exchange.rest.trades(command.symbol, limit=limit)
    newest_first = sorted(found, key=lambda trade: trade.id, reverse=True)
    return r.Trades(symbol=command.symbol, trades=newest_first[:limit], source=r.Source(name="exchange"))


@handles(c.GetCandles)
async def candles(engine: Engine, command: c.GetCandles) -> r.CandleSeries:
    try:
        frame = Timeframe.parse(command.timeframe)
    except ValueError as error:
        raise UsageError(str(error), code="unknown-timeframe") from error
    if not 1 <= command.limit <= 5_000:
        raise UsageError("limit must be from 1 to 5000.")
    await engine.ready()
    assert engine.desk is not None
    assert engine.charts is not None
    await engine.desk.known(command.symbol)
    return await engine.charts.series(command.symbol, frame, command.limit, command.before_ms, command.overlays)


@handles(c.Watch)
async def watch(engine: Engine, command: c.Watch) -> r.Watched:
    await engine.ready()
    assert engine.desk is not None
    symbol = command.symbol if command.remove else command.symbol.upper()
    return r.Watched(watched=await engine.desk.watch(symbol, remove=command.remove))
