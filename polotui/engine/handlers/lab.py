"""The lab and the backtests."""

from __future__ import annotations

import msgspec

from polotui.api import lab_commands as c
from polotui.api import lab_replies as lr
from polotui.api import replies as r
from polotui.api.lab_values import Mark, RunDetail, StrategyPreview, SweepDetail
from polotui.backtest.work import Document, PreviewWork
from polotui.core.errors import PolotuiError, UsageError
from polotui.engine.backtests import Backtests
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.engine.run_views import RunViews
from polotui.engine.strategies import Strategies
from polotui.engine.sweeps import Sweeps
from polotui.metrics.definitions import DEFINITIONS
from polotui.model.candles import Timeframe
from polotui.storage.columns import CandleArrays

MOST_PREVIEW = 1_000
#: History fetched for a preview beyond what is shown; a rule that needs more says so.
MOST_WARMUP = 3_000


async def strategies_of(engine: Engine) -> Strategies:
    await engine.ready()
    assert engine.strategies is not None
    return engine.strategies


async def _backtests(engine: Engine) -> Backtests:
    await engine.ready()
    assert engine.backtests is not None
    return engine.backtests


async def _sweeps(engine: Engine) -> Sweeps:
    await engine.ready()
    assert engine.sweeps is not None
    return engine.sweeps


async def views_of(engine: Engine) -> RunViews:
    await engine.ready()
    return RunViews(engine)


@handles(c.ListStrategies)
async def strategies(engine: Engine, command: c.ListStrategies) -> lr.Strategies:
    library = await strategies_of(engine)
    return lr.Strategies(strategies=await library.rows(with_templates=command.templates, deleted=command.deleted))


@handles(c.GetStrategy)
async def strategy(engine: Engine, command: c.GetStrategy) -> lr.StrategyDetail:
    return await (await strategies_of(engine)).detail(command.name, command.version)


@handles(c.CheckStrategy)
async def check(engine: Engine, command: c.CheckStrategy) -> lr.CheckedStrategy:
    return await (await strategies_of(engine)).check(command.text, command.form)


@handles(c.CompleteStrategy)
async def complete(engine: Engine, command: c.CompleteStrategy) -> lr.Completions:
    return await (await strategies_of(engine)).complete(command)


@handles(c.SaveStrategy)
async def save(engine: Engine, command: c.SaveStrategy) -> lr.StrategySaved:
    return await (await strategies_of(engine)).save(command)


@handles(c.NewStrategy)
async def new(engine: Engine, command: c.NewStrategy) -> lr.StrategySaved:
    return await (await strategies_of(engine)).new(command)


@handles(c.DeleteStrategy)
async def delete_strategy(engine: Engine, command: c.DeleteStrategy) -> r.Done:
    return r.Done(text=await (await strategies_of(engine)).delete(command.name, undo=command.undo))


@handles(c.ExamineStrategy)
async def examine(engine: Engine, command: c.ExamineStrategy) -> lr.Examination:
    return await (await strategies_of(engine)).examine(command)


@handles(c.PreviewStrategy)
async def preview(engine: Engine, command: c.PreviewStrategy) -> StrategyPreview:
    library = await strategies_of(engine)
    (await _backtests(engine)).warm()
    assert engine.charts is not None
    checked = await library.check(command.text, command.form)
    symbol = command.symbol or (checked.symbols[0] if checked.symbols else "BTC_USDT")
    timeframe = command.timeframe or checked.timeframe or "1h"
    if not checked.ok:
        return StrategyPreview(symbol=symbol, timeframe=timeframe, note="The text has errors; see below.")
    try:
        frame = Timeframe.parse(timeframe)
    except ValueError as error:
        raise UsageError(f"{error}.", code="unknown-timeframe") from error
    shown = min(max(command.bars, 20), MOST_PREVIEW)
    try:
        candles = await engine.charts.history(symbol, frame, shown + min(checked.warmup_bars, MOST_WARMUP))
    except PolotuiError as error:
        return StrategyPreview(symbol=symbol, timeframe=timeframe, note=error.record().sentence())
    if not candles:
        note = f"There are no {timeframe} candles of {symbol} yet."
        return StrategyPreview(symbol=symbol, timeframe=timeframe, note=note)
    document = Document(
        text=command.text, form=command.form, params=command.params, symbols=[symbol], timeframe=frame.value
    )
    work = PreviewWork(document=document, frame=frame.value, candles=CandleArrays.of(candles).blob(), shown=shown)
    try:
        value = (await engine.workers.desk.run(work)).value
    except UsageError as error:
        return StrategyPreview(
            symbol=symbol, timeframe=timeframe, candles=candles[-shown:], note=error.record().sentence()
        )
    return StrategyPreview(
        symbol=symbol,
        timeframe=frame.value,
        candles=candles[-shown:],
        marks=msgspec.convert(value["marks"], list[Mark]),
        entries=value["entries"],
        exits=value["exits"],
        in_market=value["in_market"],
        worst_bar=value["worst_bar"],
        note=value["note"],
    )


@handles(c.StartBacktest)
async def start_backtest(engine: Engine, command: c.StartBacktest) -> lr.BacktestStarted:
    return await (await _backtests(engine)).run(command)


@handles(c.ListRuns)
async def runs(engine: Engine, command: c.ListRuns) -> lr.Runs:
    backtests = await _backtests(engine)
    backtests.warm()
    return await backtests.rows(command)


@handles(c.GetRun)
async def run(engine: Engine, command: c.GetRun) -> RunDetail:
    return await (await views_of(engine)).detail(command.run, command.points)


@handles(c.GetRunTrades)
async def trades(engine: Engine, command: c.GetRunTrades) -> lr.RunTrades:
    return await (await views_of(engine)).trades(command)


@handles(c.GetRunChart)
async def chart(engine: Engine, command: c.GetRunChart) -> lr.RunChart:
    return await (await views_of(engine)).chart(command)


@handles(c.CompareRuns)
async def compare(engine: Engine, command: c.CompareRuns) -> lr.Comparison:
    return await (await views_of(engine)).compare(command)


@handles(c.DeleteRun)
async def delete_run(engine: Engine, command: c.DeleteRun) -> r.Done:
    return r.Done(text=await (await _backtests(engine)).delete(command.run, undo=command.undo))


@handles(c.ExportRun)
async def export(engine: Engine, command: c.ExportRun) -> lr.Exported:
    return await (await views_of(engine)).export(command)


@handles(c.AnalyseRun)
async def analyse(engine: Engine, command: c.AnalyseRun) -> r.JobStarted:
    return await (await _backtests(engine)).analyse(command)


@handles(c.GetDefinitions)
async def definitions(engine: Engine, command: c.GetDefinitions) -> lr.Definitions:
    return lr.Definitions(
        definitions=[lr.Definition(name=row.name, title=row.title, text=row.text) for row in DEFINITIONS.values()]
    )


@handles(c.StartSweep)
async def start_sweep(engine: Engine, command: c.StartSweep) -> lr.SweepStarted:
    return await (await _sweeps(engine)).start(command.spec)


@handles(c.ResumeSweep)
async def resume_sweep(engine: Engine, command: c.ResumeSweep) -> lr.SweepStarted:
    return await (await _sweeps(engine)).resume(command.number)


@handles(c.ListSweeps)
async def sweeps(engine: Engine, command: c.ListSweeps) -> lr.Sweeps:
    return lr.Sweeps(sweeps=await (await _sweeps(engine)).list(command.limit))


@handles(c.GetSweep)
async def sweep(engine: Engine, command: c.GetSweep) -> SweepDetail:
    return await (await _sweeps(engine)).detail(command.number)
