"""The market desk: which symbols are watched, and what the feed says of them, as topics.

Decided here: the watchlist is a setting in the ledger (it survives), at most 30 symbols, because each costs four stream
subscriptions; a row's last price is the newest trade's, the ticker gives the 24 h figures; a row is stale as soon as
the feed says that what it shows is, and carries the time up to which it was true.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from polotui.api.events import BookState, Event, SymbolsState, WatchState
from polotui.api.values import Level, SymbolInfo, WatchRow
from polotui.core.errors import PolotuiError, UsageError
from polotui.core.text import clean, is_plain_symbol
from polotui.market.state import FeedState
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Ticker, Trade
from polotui.model.money import plain
from polotui.model.symbols import Market

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.desk")

MAX_WATCHED = 30
BOOK_DEPTH = 20
SPARK_POINTS = 24


def symbol_info(market: Market) -> SymbolInfo:
    """A market as faces see it."""
    return SymbolInfo(
        symbol=clean(market.symbol, 48),
        base=clean(market.base, 24),
        quote=clean(market.quote, 24),
        price_scale=market.price_scale,
        quantity_scale=market.quantity_scale,
        amount_scale=market.amount_scale,
        min_quantity=plain(market.min_quantity),
        min_amount=plain(market.min_amount),
        state=clean(market.state, 24),
    )


@cache
def _book_topic(symbol: str) -> str:
    return f"book:{symbol}"


@cache
def _trades_topic(symbol: str) -> str:
    return f"trades:{symbol}"


class Desk:
    """Listens to the feed and publishes `symbols`, `watch`, `book:…`, `trades:…`."""

    def __init__(self, engine: Engine) -> None:
        assert engine.exchange is not None
        self._engine = engine
        self._hub = engine.hub
        self._clock = engine.clock
        self._exchange = engine.exchange
        self._markets: dict[str, Market] = {}
        self._tickers: dict[str, Ticker] = {}
        self._last: dict[str, float] = {}
        self._sparks: dict[str, list[float]] = {}
        self._old = {row.symbol: row for row in engine.snapshot_rows()}
        self._standing: object = None
        self.watched: list[str] = []
        self._also: list[str] = []
        #: A demo without a list of its own watches everything there is, as soon as that is known.
        self._watches_all = False

    async def start(self) -> None:
        self._hub.provide("watch", self._watch_event)
        self._hub.provide("book", self._book_event)
        self._hub.provide("symbols", self._symbols_event)
        self._hub.trades_are_stale(lambda symbol: self._exchange.stale_since("trades", symbol))
        self._engine.supervisor.service("markets", self._keep_markets)
        self._exchange.listen(self)
        stores = self._engine.stores
        assert stores is not None
        stored = await stores.records.setting("watchlist")
        if stored:
            self.watched = [symbol for symbol in stored.split(",") if is_plain_symbol(symbol)]
        elif not self._engine.settings.market.top:
            self.watched = list(self._engine.settings.market.symbols)
        self._watches_all = self._exchange.venue.demo and not stored
        # The service may have the list by now.
        self._watch_all()
        if self._watches_all:
            try:
                await self._load_markets()
            except PolotuiError as error:
                # An exchange that is away now is no reason not to start: the service asks again.
                log.info("the demo's symbols come later", extra={"detail": str(error)})
        self._exchange.start_feed(self.watched)
        # The list of markets may have come before the watchlist did.
        self._drop_unlisted()
        for symbol in self.watched:
            self._hub.touch("watch", symbol)
        self._hub.touch("symbols")
        self._engine.supervisor.service("sparks", self._keep_sparks)

    # -- the feed's callbacks -------------------------------------------------------------------------------------

    def on_ticker(self, ticker: Ticker) -> None:
        self._tickers[ticker.symbol] = ticker
        self._last.setdefault(ticker.symbol, ticker.last)
        if self._engine.trading is not None:
            self._engine.trading.on_ticker(ticker)
        self._hub.touch("watch", ticker.symbol)

    def on_trades(self, symbol: str, trades: list[Trade]) -> None:
        self._last[symbol] = trades[-1].price
        if self._engine.trading is not None:
            self._engine.trading.on_trades(symbol, trades)
        self._hub.add(_trades_topic(symbol), trades)
        self._hub.touch("watch", symbol)

    def on_book(self, symbol: str) -> None:
        self._hub.touch(_book_topic(symbol))
        self._hub.touch("watch", symbol)
        if self._engine.trading is not None:
            self._engine.trading.on_book(symbol)

    def on_candle(self, symbol: str, candle: Candle) -> None:
        if self._engine.charts is not None:
            self._engine.charts.on_candle(symbol, candle)

    def on_feed_state(self, state: FeedState) -> None:
        self._hub.touch("engine")
        standing = (state.phase, state.symbols, [(item.channel, item.symbol) for item in state.stale])
        if standing == self._standing:
            return
        # Whatever a face shows of the market may have become stale or fresh.
        self._standing = standing
        for symbol in self.watched:
            self._hub.touch("watch", symbol)
            self._hub.touch(f"book:{symbol}")
        if self._engine.charts is not None:
            self._engine.charts.freshness_changed()

    # -- watchlist ------------------------------------------------------------------------------------------------

    async def watch(self, symbol: str, *, remove: bool) -> list[str]:
        """Adds or removes a symbol and keeps the list. Raises UsageError for what the exchange does not list."""
        if remove:
            if symbol not in self.watched:
                raise UsageError(f"{clean(symbol, 40)} is not on the watchlist.", safe="Nothing was changed.")
            self.watched.remove(symbol)
            self._hub.forget("watch", symbol)
        else:
            await self.known(symbol)
            if symbol in self.watched:
                return self.watched
            if len(self.watched) >= MAX_WATCHED:
                raise UsageError(
                    f"The watchlist holds {MAX_WATCHED} symbols.", safe="Nothing was changed.", next_step="Remove one."
                )
            self.watched.append(symbol)
        # From now on the list is a person's.
        self._watches_all = False
        stores = self._engine.stores
        assert stores is not None
        await stores.records.set_setting("watchlist", ",".join(self.watched))
        self._want()
        self._hub.touch("symbols")
        self._hub.touch("watch", symbol)
        return self.watched

    def also_want(self, symbols: list[str]) -> None:
        """Symbols that stream although nobody watches them: those of bots and of open positions."""
        self._also = symbols
        self._want()

    def _want(self) -> None:
        self._exchange.want(list(dict.fromkeys([*self.watched, *self._also])))

    async def markets(self) -> dict[str, Market]:
        """All markets by symbol; asks the exchange when none are known yet."""
        if not self._markets:
            await self._load_markets()
        return self._markets

    def known_markets(self) -> dict[str, Market]:
        """All markets that are known by now; asks nobody."""
        return self._markets

    def grids(self) -> dict[str, tuple[float, float]]:
        """Tick and lot of the symbols that are known by now; asks nobody."""
        return {
            name: (10.0**-market.price_scale, 10.0**-market.quantity_scale) for name, market in self._markets.items()
        }

    async def known(self, symbol: str) -> Market:
        """The market of `symbol`. Raises UsageError, with the nearest name, when the exchange lists none."""
        markets = await self.markets()
        market = markets.get(symbol)
        if market is None:
            import difflib

            close = difflib.get_close_matches(symbol.upper(), markets, 1)
            raise UsageError(
                f"{clean(symbol, 40)} is not a symbol of {self._exchange.venue.title}.",
                next_step=f"Did you mean {close[0]}?" if close else "polotui market markets lists them.",
                code="unknown-symbol",
            )
        return market

    def last_price(self, symbol: str) -> float | None:
        return self._last.get(symbol)

    def ticker(self, symbol: str) -> Ticker | None:
        return self._tickers.get(symbol)

    # -- topics ---------------------------------------------------------------------------------------------------

    def all_rows(self) -> list[WatchRow]:
        return [self.row(symbol) for symbol in self.watched]

    def row(self, symbol: str) -> WatchRow:
        """The watchlist's line of `symbol` now; None wherever nothing is known yet."""
        ticker, market = self._tickers.get(symbol), self._markets.get(symbol)
        last = self._last.get(symbol)
        if last is None and symbol in self._old:
            # Until the market speaks, the last run's figures stand, marked with their time.
            return self._old[symbol]
        view = self._exchange.book_view(symbol, 1)
        bid = view.bids[0][0] if view and view.bids else None
        ask = view.asks[0][0] if view and view.asks else None
        spread = (ask - bid) / ((ask + bid) / 2) * 1e4 if bid and ask else None
        row = WatchRow(
            symbol=symbol,
            last=last,
            bid=bid,
            ask=ask,
            spread_bp=spread,
            spark=self._sparks.get(symbol, []),
            stale_since_ms=self._exchange.stale_since("ticker", symbol) if last is not None else 0,
            price_scale=market.price_scale if market else 2,
        )
        if ticker is None:
            return row
        change = last / ticker.open - 1 if last is not None and ticker.open else ticker.change
        return msgspec.structs.replace(
            row,
            change=change,
            open=ticker.open,
            high=max(ticker.high, last or ticker.high),
            low=min(ticker.low, last or ticker.low),
            amount=ticker.amount,
            ts_ms=ticker.ts_ms,
        )

    def _watch_event(self, topic: str, key: str) -> Event | None:
        return WatchState(row=self.row(key)) if key in self.watched else None

    def _book_event(self, topic: str, key: str) -> Event | None:
        symbol = topic.partition(":")[2]
        view = self._exchange.book_view(symbol, BOOK_DEPTH)
        if view is None:
            return None
        stale = self._exchange.stale_since("book_lv2", symbol)
        return BookState(
            symbol=symbol,
            id=view.id,
            ts_ms=view.ts_ms,
            bids=[Level(price, quantity) for price, quantity in view.bids],
            asks=[Level(price, quantity) for price, quantity in view.asks],
            stale_since_ms=stale,
            reason=self._exchange.why_stale("book_lv2", symbol) if stale else "",
        )

    def _symbols_event(self, topic: str, key: str) -> Event:
        return SymbolsState(symbols=[symbol_info(market) for market in self._markets.values()], watched=self.watched)

    # -- background -----------------------------------------------------------------------------------------------

    async def _load_markets(self) -> None:
        self._markets = {market.symbol: market for market in await self._exchange.rest.markets()}
        if self._engine.trading is not None:
            self._engine.trading.on_markets(self._markets)
        self._watch_all()
        self._hub.touch("symbols")
        self._drop_unlisted()
        for symbol in self.watched:
            self._hub.touch("watch", symbol)

    def _watch_all(self) -> None:
        if self._watches_all and self._markets:
            self._watches_all = False
            self.watched = [symbol for symbol in self._markets if symbol.endswith("_USDT")][:MAX_WATCHED]
            self._want()

    def _drop_unlisted(self) -> None:
        """The exchange would never answer for symbols it does not list, and the feed would wait for that."""
        unlisted = [symbol for symbol in self.watched if symbol not in self._markets]
        if not unlisted or not self._markets:
            return
        self.watched = [symbol for symbol in self.watched if symbol in self._markets]
        self._want()
        names = ", ".join(unlisted)
        self._engine.facts.submit("market", "warning", f"Not listed at {self._exchange.venue.title}: {names}.")

    async def _keep_markets(self) -> None:
        failing = False
        while True:
            try:
                await self._load_markets()
                if failing:
                    self._engine.facts.submit("market", "info", "The list of symbols can be read again.")
                failing = False
                if not self.watched and self._engine.settings.market.top:
                    await self._watch_top(self._engine.settings.market.top)
            except PolotuiError as error:
                # Told once, not at every try: the header says all the while that the exchange is away.
                if not failing:
                    self._engine.facts.submit("market", "warning", f"The list of symbols could not be read: {error}")
                failing = True
                await asyncio.sleep(10)
                continue
            await asyncio.sleep(self._engine.settings.cache.marketplace)

    async def _watch_top(self, count: int) -> None:
        tickers, _, _ = await self._exchange.all_tickers()
        by_turnover = sorted(tickers, key=lambda ticker: ticker.amount, reverse=True)
        names = [ticker.symbol for ticker in by_turnover if ticker.symbol.endswith("_USDT")]
        self.watched = names[: min(count, MAX_WATCHED)]
        self._want()
        self._hub.touch("symbols")

    async def _keep_sparks(self) -> None:
        """Hourly closes of the last day for every row: first all, then one refresh a symbol and five minutes."""
        while True:
            for symbol in list(self.watched):
                charts = self._engine.charts
                if charts is None:
                    break
                try:
                    candles = await charts.history(symbol, Timeframe.H1, SPARK_POINTS)
                except PolotuiError as error:
                    log.info("no sparkline", extra={"symbol": symbol, "detail": str(error)})
                    continue
                self._sparks[symbol] = [candle.close for candle in candles]
                self._hub.touch("watch", symbol)
            await asyncio.sleep(300 if len(self._sparks) >= len(self.watched) and self._sparks else 2)
