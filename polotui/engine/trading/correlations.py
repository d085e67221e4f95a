"""Which symbols move together, from stored one-hour closes; computed at rest, read by the gate.

Decided here: for what bots trade and what is held, every half hour and when a symbol comes in new. The
computation runs in a thread, because it reads a month of hours for each symbol. What could not be read is unknown, and
unknown counts as correlated.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from polotui.api import trade_replies as tr
from polotui.core import threads
from polotui.core.errors import PolotuiError
from polotui.model.candles import Timeframe
from polotui.risk import correlation

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.risk")

AGAIN_SECONDS = 1_800.0
LOOK_SECONDS = 2.0
MOST_SYMBOLS = 60
FIRST_SYMBOLS = 8
BARS = correlation.WINDOW_MS // correlation.HOUR_MS + 2


class Correlations:
    """Keeps the gate's view up to date."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._series: dict[str, correlation.Series] = {}
        self._bars: dict[tuple[str, str], int] = {}
        self._symbols: tuple[str, ...] = ()

    def _asked(self) -> tuple[str, ...]:
        held = {p.symbol for p in self._trading.portfolio.positions() if p.quantity > 0}
        return tuple(dict.fromkeys([*sorted(held), *self._trading.wanted()]))[:MOST_SYMBOLS]

    async def run(self) -> None:
        """For the supervisor."""
        done_at = -AGAIN_SECONDS
        while True:
            asked, now = self._asked(), self._trading.clock.monotonic()
            if asked != self._symbols or now - done_at >= AGAIN_SECONDS:
                await self._compute(asked)
                self._symbols, done_at = asked, now
            await asyncio.sleep(LOOK_SECONDS)

    async def _compute(self, symbols: tuple[str, ...]) -> None:
        series: dict[str, correlation.Series] = {}
        for symbol in symbols:
            found = await self._read(symbol)
            if found is not None:
                series[symbol] = found
        now = self._trading.clock.wall_ms()
        matrix = await threads.beside(lambda: correlation.matrix(series, now), "correlations")
        self._series = series
        self._trading.view.correlations = matrix
        self._trading.touch_state()

    async def _read(self, symbol: str) -> correlation.Series | None:
        try:
            candles = await self._trading.history(symbol, Timeframe.H1, BARS)
        except PolotuiError as error:
            log.info("no hours for a correlation", extra={"symbol": symbol, "detail": str(error)})
            return None
        return [candle.open_ms for candle in candles], [candle.close for candle in candles]

    async def shown(self, more: list[str]) -> tr.Correlations:
        """The matrix of what is held, asked for and watched, and of `more` symbols."""
        extra = [(await self._trading.known(symbol)).symbol for symbol in more]
        if not extra and len(self._symbols) < 2:
            # Nothing to compare yet: the first of the watchlist.
            desk = self._trading.engine.desk
            extra = list(desk.watched[:FIRST_SYMBOLS]) if desk is not None else []
        if any(symbol not in self._series for symbol in extra):
            for symbol in extra:
                if symbol not in self._series and (found := await self._read(symbol)) is not None:
                    self._series[symbol] = found
        symbols = list(dict.fromkeys([*extra, *self._symbols]))[:MOST_SYMBOLS]
        now, series = self._trading.clock.wall_ms(), dict(self._series)
        known = await threads.beside(lambda: correlation.matrix(series, now), "correlations")
        held = {p.symbol for p in self._trading.view.positions("paper")}
        limits = self._trading.limits.limits()

        def at(one: str, other: str) -> float | None:
            return 1.0 if one == other else known.get((one, other) if one < other else (other, one))

        pairs = correlation.pairs(known, sorted(held), limits.correlation)
        counts = {symbol: len(times) for symbol, (times, _) in self._series.items()}
        return tr.Correlations(
            symbols=symbols,
            matrix=[[at(one, other) for other in symbols] for one in symbols],
            held=[symbol in held for symbol in symbols],
            threshold=limits.correlation,
            bars=[[min(counts.get(one, 0), counts.get(other, 0)) for other in symbols] for one in symbols],
            text=(
                f"Pearson of log returns of 1h closes, 30 days, at least {correlation.LEAST_BARS} common hours; unknown"
                f" counts as correlated. Held: {len(pairs)} of {limits.correlated_pairs} pairs above"
                f" {limits.correlation:g}."
            ),
        )
