"""The drift report: what a bot made on paper against a backtest of the same bars, and where the difference comes from.

Decided here:
* Only whole bars are compared: from the bar whose close the bot decided first to the last one that has closed (before
  it ended, for one that has). What came after that is in neither result; positions open then are valued at that close.
* The backtest is an ordinary run: the same version, symbols, timeframe, params and capital, the same fees, warmed up
  by the bars before, with the usual slippage and spread. It is stored like any other, with a tag of its own.
* How trades are matched and the difference is split is `matching`'s; here it gets its data and its words.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from polotui.api import lab_commands as lc
from polotui.api import trade_replies as tr
from polotui.api.lab_values import Costs, RunSpec
from polotui.backtest import documents
from polotui.backtest.tasks import curve_of, trades_of
from polotui.backtest.work import Document
from polotui.core import threads
from polotui.core.errors import PolotuiError, Refused, UsageError
from polotui.core.text import clean
from polotui.engine.backtests import DRIFT, row_from
from polotui.engine.trading import shapes
from polotui.engine.trading.drift_words import OnPaper, Span, Tested, parts_told, told, when
from polotui.engine.trading.matching import backtest_deals, cents, exact, match, paper_deals, paper_result, split
from polotui.model.candles import MINUTE_MS, Timeframe
from polotui.model.orders import Purpose
from polotui.storage.database import Connection
from polotui.trading import bot_rows
from polotui.trading import rows as ledger
from polotui.trading import trades as closed
from polotui.trading.bot_rows import ACTIVE, StoredBot, StoredSignal

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.drift")

#: Less than a face waits for its answer.
WAIT_SECONDS = 45.0
#: Minutes that may not be in the store yet, because they are stored a while after they closed.
TAIL_MS = 240 * MINUTE_MS
MOST_SIGNALS = 100_000
_ALL = 1_000_000


class DriftReports:
    """Makes reports on request; keeps nothing but the runs."""

    def __init__(self, trading: Trading) -> None:
        backtests, stores = trading.engine.backtests, trading.engine.stores
        assert backtests is not None
        assert stores is not None
        self._trading = trading
        self._backtests = backtests
        self._candles = stores.candles

    async def report(self, bot: int) -> tr.Drift:
        """Raises UsageError while there is nothing to compare, Refused when the backtest takes too long."""
        stored = self._trading.bots.of(bot)
        if stored is None:
            raise UsageError(f"There is no bot {bot}.", next_step="polotui paper status lists them.", code="no-bot")
        span = self._span(stored)
        tested = await self._backtest(stored, span)
        paper = await self._on_paper(stored, span)
        matched = match(paper.deals, tested.deals, span.frame)
        parts = split(matched, paper.result, tested.result)
        return tr.Drift(
            bot=bot,
            from_ms=span.from_ms,
            to_ms=span.to_ms,
            paper=shapes.money(cents(paper.result)),
            backtest=shapes.money(cents(tested.result)),
            difference=shapes.money(parts.difference),
            parts=parts_told(parts, matched),
            matched=len(matched.pairs),
            missed=len(matched.missed),
            extra=len(matched.extra),
            lines=[*told(span, paper, tested, matched), *await self._live_form(stored), *tested.warnings],
            run=tested.run,
        )

    # -- the span -------------------------------------------------------------------------------------------------

    def _span(self, stored: StoredBot) -> Span:
        charts = self._trading.engine.charts
        assert charts is not None
        frame = Timeframe.parse(stored.timeframe)
        # Trading's clock may run ahead of the market; what has not closed there has no candle.
        end = min(stored.ended_ms or self._trading.clock.wall_ms(), charts.market_ms())
        span = Span(frame, frame.floor(stored.started_ms), frame.floor(end))
        if span.bars < 1:
            ended = stored.ended_ms is not None
            raise UsageError(
                f"Bot {stored.id} {'ran' if ended else 'has run'} for less than one bar of {frame.value}; there is"
                " nothing to compare.",
                safe="Nothing was run.",
                next_step="" if ended else f"Its first bar closes at {when(span.from_ms + frame.ms)}.",
                code="too-short",
            )
        return span

    # -- the backtest ---------------------------------------------------------------------------------------------

    async def _backtest(self, stored: StoredBot, span: Span) -> Tested:
        await self._fill_tail(stored, span)
        markets = [self._trading.markets.market(symbol) for symbol in stored.symbols]
        maker, taker = self._trading.fees
        spec = RunSpec(
            strategy=stored.strategy,
            version=stored.version,
            symbols=list(stored.symbols),
            timeframe=stored.timeframe,
            from_ms=span.from_ms,
            to_ms=span.to_ms,
            capital=float(stored.capital),
            # The smallest order as the bot has it.
            costs=Costs(
                maker_fee=maker,
                taker_fee=taker,
                least_amount=max((float(market.min_amount) for market in markets if market is not None), default=1.0),
            ),
            params=stored.params,
            band=False,
        )
        run = await self._finished(lc.StartBacktest(spec=spec))
        curve = curve_of(await self._backtests.part(run, "curve"))
        row = row_from(await self._backtests.stored(run))
        trades = trades_of(await self._backtests.part(run, "trades"))
        detail: dict[str, Any] = msgspec.json.decode(await self._backtests.part(run, "detail"))
        return Tested(
            run=run,
            result=exact(curve[1][-1]) - stored.capital,
            deals=await threads.beside(lambda: backtest_deals(trades, row.symbols), "drift"),
            warnings=[clean(line, 300) for line in detail["warnings"]],
        )

    async def _finished(self, command: lc.StartBacktest) -> int:
        """The number of the completed run."""
        jobs = self._trading.engine.jobs
        assert jobs is not None
        started = await self._backtests.run(command, (DRIFT,))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await jobs.wait(started.job)
        except TimeoutError as error:
            raise Refused(
                f"The backtest of the same bars is still running, as job {started.job}.",
                safe="It goes on.",
                next_step="Ask again when it is done.",
                code="still-running",
            ) from error
        try:
            await self._backtests.stored(started.run)
        except UsageError as error:
            raise UsageError(
                f"There is no backtest of the same bars to compare with. {error.cause.rstrip('.')}.",
                safe="The bot is not touched by this.",
                next_step="polotui data list shows which candles there are.",
                code="no-result",
            ) from error
        return started.run

    async def _fill_tail(self, stored: StoredBot, span: Span) -> None:
        """The newest minutes, which a run would not see before they are stored."""
        charts = self._trading.engine.charts
        assert charts is not None
        if stored.state not in ACTIVE:
            return
        for symbol in stored.symbols:
            try:
                start = max(span.from_ms, span.to_ms - TAIL_MS)
                await charts.past.fill(symbol, Timeframe.M1, start, span.to_ms)
            except PolotuiError as error:
                # The run says itself which bars it lacks.
                log.warning("the newest minutes are missing", extra={"symbol": symbol, "detail": str(error)})

    # -- the paper side -------------------------------------------------------------------------------------------

    async def _on_paper(self, stored: StoredBot, span: Span) -> OnPaper:
        def read(connection: Connection) -> tuple[list[ledger.FillRow], list[closed.Trade], list[StoredSignal]]:
            fills = ledger.fills_after(connection, 0, bot=stored.id)
            return (
                [fill for fill in fills if fill.account == stored.account and fill.at_ms < span.to_ms],
                closed.trades(connection, account_prefix=stored.account, bot=stored.id, limit=_ALL),
                bot_rows.signals(connection, bot=stored.id, limit=MOST_SIGNALS),
            )

        fills, trades, signals = await self._trading.database.read(read, "drift")
        closes = {symbol: await self._close(symbol, span) for symbol in dict.fromkeys(fill.symbol for fill in fills)}

        def compute() -> OnPaper:
            return OnPaper(
                result=paper_result(fills, closes.__getitem__),
                deals=paper_deals(fills, trades, span.frame, closes.__getitem__),
                signals=signals,
                by_hand=sum(fill.purpose is Purpose.MANUAL for fill in fills),
                late=sum(fill.late_ms > 0 for fill in fills),
            )

        return await threads.beside(compute, "drift")

    async def _close(self, symbol: str, span: Span) -> Decimal:
        """The last close of the span, which is what the backtest values at too."""
        for frame in (Timeframe.M1, span.frame):
            candles = await self._candles.load(symbol, frame, span.to_ms - 2 * span.frame.ms, span.to_ms)
            if candles:
                return exact(candles[-1].close)
        raise UsageError(
            f"There is no candle of {symbol} before {when(span.to_ms)}, so what was held cannot be valued.",
            safe="The bot is not touched by this.",
            next_step=f"polotui data download {symbol} fetches them.",
            code="no-data",
        )

    # -- words ----------------------------------------------------------------------------------------------------

    async def _live_form(self, stored: StoredBot) -> list[str]:
        """What is other on paper by its nature: there it has ticks where the backtest has bars."""
        version = await self._trading.strategy_text(stored.strategy, stored.version)
        bound = documents.bound(
            Document(
                text=version.text,
                form=version.form,
                params=stored.params,
                symbols=list(stored.symbols),
                timeframe=stored.timeframe,
            )
        )
        usual = Costs()
        lines = [
            "Orders on paper meet the live book, its spread and its depth, some moments after the close; the backtest"
            f" takes the next open with {usual.slippage * 1e4:g} bp slippage and {usual.half_spread * 1e4:g} bp"
            " half-spread.",
        ]
        if bound.stops.loss.kind != "none" or bound.stops.target.kind != "none":
            lines.append(
                "Stop and target are watched on paper at every trade of the market; in a backtest a bar says only that"
                " both were reached, and the stop is taken to be first."
            )
        if bound.stops.trail.kind != "none":
            lines.append(
                "The trailing stop follows every trade of the market on paper; in the backtest it follows the closes"
                " and is tested from the next bar on."
            )
        return lines
