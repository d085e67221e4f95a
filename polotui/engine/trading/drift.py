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
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from polotui.api import lab_commands as lc
from polotui.api import trade_replies as tr
from polotui.api.lab_values import Costs, RunSpec
from polotui.api.trade_values import DriftPart
from polotui.backtest import documents
from polotui.backtest.tasks import curve_of, trades_of
from polotui.backtest.work import Document
from polotui.core.errors import PolotuiError, Refused, UsageError
from polotui.core.text import clean
from polotui.core.threads import beside
from polotui.engine.backtests import DRIFT, row_from
from polotui.engine.trading import shapes
from polotui.engine.trading.matching import (
    TOLERANCE_BARS,
    Deal,
    Matched,
    Parts,
    backtest_deals,
    cents,
    exact,
    match,
    paper_deals,
    paper_result,
    split,
)
from polotui.model.candles import MINUTE_MS, Timeframe
from polotui.model.money import ZERO
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
MOST_NAMED = 5
MOST_SIGNALS = 100_000
_ALL = 1_000_000


@dataclass(frozen=True)
class Span:
    frame: Timeframe
    from_ms: int
    to_ms: int

    @property
    def bars(self) -> int:
        return (self.to_ms - self.from_ms) // self.frame.ms


@dataclass(frozen=True)
class Tested:
    """The backtest of the span."""

    run: int
    result: Decimal
    deals: list[Deal]
    warnings: list[str]


@dataclass
class OnPaper:
    """What the ledger has of the span."""

    result: Decimal
    deals: list[Deal]
    signals: list[StoredSignal] = field(default_factory=list)
    by_hand: int = 0


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
            deals=await beside(lambda: backtest_deals(trades, row.symbols), "drift"),
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
            )

        return await beside(compute, "drift")

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


def parts_told(parts: Parts, matched: Matched) -> list[DriftPart]:
    """The parts with their words; nought is told too, so that their sum can be followed."""
    pairs = matched.pairs
    paper_fees = cents(sum((one.fees for one, _ in pairs), ZERO))
    test_fees = cents(sum((other.fees for _, other in pairs), ZERO))
    rows = (
        ("price", parts.price, len(matched.same_bars), prices_told(matched.same_bars)),
        (
            "timing",
            parts.timing,
            len(matched.other_bars),
            f"entered up to {TOLERANCE_BARS} bars apart, or left in another bar" if matched.other_bars else "",
        ),
        (
            "missed",
            parts.missed,
            len(matched.missed),
            "only in the backtest, with their fees" if matched.missed else "",
        ),
        ("extra", parts.extra, len(matched.extra), "only on paper, with their fees" if matched.extra else ""),
        (
            "fees",
            parts.fees,
            len(pairs),
            f"{paper_fees} on paper, {test_fees} in the backtest, of the matched trades" if pairs else "",
        ),
        ("other", parts.other, 0, "other quantities, what was left unsold, the last cent" if parts.other else ""),
    )
    return [
        DriftPart(name=name, amount=shapes.money(amount), trades=trades, text=text)  # type: ignore[arg-type]
        for name, amount, trades, text in rows
    ]


def prices_told(pairs: Sequence[tuple[Deal, Deal]]) -> str:
    """How much dearer was bought and cheaper was sold, on average."""
    if not pairs:
        return ""
    entries = [float(one.entry_price / other.entry_price - 1) for one, other in pairs if other.entry_price]
    exits = [
        float(one.exit_price / other.exit_price - 1) for one, other in pairs if not one.is_open and other.exit_price
    ]
    words = [
        f"{name} {abs(mean) * 1e4:.1f} bp {higher if mean > 0 else lower}"
        for name, found, higher, lower in (("bought", entries, "dearer", "cheaper"), ("sold", exits, "higher", "lower"))
        if found and abs(mean := sum(found) / len(found)) >= 5e-6
    ]
    return f"on paper {' and '.join(words)} on average" if words else "at the same prices on average"


def told(span: Span, paper: OnPaper, tested: Tested, matched: Matched) -> list[str]:
    """What was compared, what stands open, and each trade that only one side has."""
    lines = [
        f"{span.bars:,} bars of {span.frame.value} from {when(span.from_ms)} to {when(span.to_ms)} UTC:"
        f" {counted(paper.deals)} on paper, {counted(tested.deals)} in the backtest."
    ]
    for side, deals in (("on paper", paper.deals), ("in the backtest", tested.deals)):
        names = [f"{deal.symbol} since {when(deal.entry_ms)}" for deal in deals if deal.is_open]
        if names:
            lines.append(f"Open at the end {side}, valued at the last close: {', '.join(names)}.")
    lines += named(
        "Missed", [f"{_deal_told(deal)}: {why_missed(deal, paper.signals, span)}" for deal in matched.missed]
    )
    lines += named("Extra", [_deal_told(deal) for deal in matched.extra])
    if paper.by_hand:
        lines.append(f"{paper.by_hand} fills were ordered by hand; the backtest has none of these.")
    return lines


def named(title: str, texts: Sequence[str]) -> list[str]:
    shown = [f"{title}: {text}." for text in texts[:MOST_NAMED]]
    more = len(texts) - MOST_NAMED
    return [*shown, f"{title}: {more} more."] if more > 0 else shown


def why_missed(deal: Deal, signals: Sequence[StoredSignal], span: Span) -> str:
    """What became of the signal of a trade that paper did not make."""
    reach = (TOLERANCE_BARS + 1) * span.frame.ms
    near = [one for one in signals if one.symbol == deal.symbol and deal.entry_ms - reach <= one.bar_ms < deal.entry_ms]
    if not near:
        return "there was no signal on paper"
    signal = max(near, key=lambda one: one.bar_ms)
    return clean(signal.ending, 120) if signal.ending else f"its signal is {signal.state}"


def _deal_told(deal: Deal) -> str:
    result = f"{cents(deal.profit):+f}".replace("-", "−")
    return f"{deal.symbol} entered {when(deal.entry_ms)}, {result} USDT{' so far' if deal.is_open else ''}"


def counted(deals: Sequence[Deal]) -> str:
    return f"{len(deals):,} trade{'' if len(deals) == 1 else 's'}"


def when(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
