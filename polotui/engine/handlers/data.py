"""Stored candles: download, import, list, verify; and the jobs that do it."""

from __future__ import annotations

from pathlib import Path

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.core.errors import UsageError
from polotui.core.text import clean, is_plain_symbol
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.engine.jobs import Progress
from polotui.market import data_checks, data_files
from polotui.model.candles import Timeframe

MOST_FINDINGS = 200


def frame_of(text: str) -> Timeframe:
    """The timeframe, or a UsageError that names all."""
    try:
        return Timeframe.parse(text)
    except ValueError as error:
        raise UsageError(str(error), code="unknown-timeframe") from error


def plain_symbol(symbol: str) -> str:
    if not is_plain_symbol(symbol):
        raise UsageError(f"{clean(symbol, 40)} is not a symbol such as BTC_USDT.", code="unknown-symbol")
    return symbol


@handles(c.DataDownload)
async def download(engine: Engine, command: c.DataDownload) -> r.JobStarted:
    await engine.ready()
    assert engine.desk is not None
    assert engine.charts is not None
    assert engine.jobs is not None
    await engine.desk.known(command.symbol)
    now = engine.clock.wall_ms()
    if not 0 <= command.from_ms < min(command.to_ms or now, now):
        raise UsageError(
            "The start of a download must lie before its end and in the past.", safe="Nothing was started."
        )
    past = engine.charts.past

    async def work(progress: Progress) -> str:
        done = await past.download(command.symbol, command.from_ms, command.to_ms, progress)
        return f"{done.new:,} candles are new, {done.gaps:,} gaps noted, {done.pages:,} requests."

    title = f"download {command.symbol} 1m"
    arguments = {"symbol": command.symbol, "from_ms": command.from_ms, "to_ms": command.to_ms}
    return r.JobStarted(id=await engine.jobs.run(title, "data-download", arguments, work), title=title)


@handles(c.DataImport)
async def import_file(engine: Engine, command: c.DataImport) -> r.DataImported:
    symbol, frame = plain_symbol(command.symbol), frame_of(command.timeframe)
    await engine.ready()
    assert engine.stores is not None
    done = await data_files.import_file(Path(command.path), symbol, frame, engine.stores.candles)
    engine.facts.submit("data", "info", f"Imported {done.candles:,} candles of {symbol} {frame.value}.", symbol)
    return r.DataImported(
        symbol=symbol,
        timeframe=frame.value,
        candles=done.candles,
        new=done.new,
        from_ms=done.from_ms,
        to_ms=done.to_ms,
        warnings=done.warnings[:MOST_FINDINGS],
    )


@handles(c.DataList)
async def list_sets(engine: Engine, command: c.DataList) -> r.DataSets:
    await engine.ready()
    assert engine.stores is not None
    return r.DataSets(
        sets=[
            r.DataSet(
                symbol=entry.symbol,
                timeframe=entry.timeframe.value,
                from_ms=entry.from_ms,
                to_ms=entry.to_ms,
                candles=entry.candles,
                gaps=entry.gaps,
                sources=list(entry.sources),
            )
            for entry in await engine.stores.candles.coverage()
        ]
    )


@handles(c.DataVerify)
async def verify(engine: Engine, command: c.DataVerify) -> r.DataReport:
    symbol, frame = plain_symbol(command.symbol), frame_of(command.timeframe)
    await engine.ready()
    assert engine.stores is not None
    store = engine.stores.candles
    candles = await store.load_arrays(symbol, frame)
    if not len(candles):
        raise UsageError(
            f"No {frame.value} candles of {symbol} are stored.",
            next_step="polotui data list shows what is; polotui data download fetches.",
            code="no-data",
        )
    known = [(gap.from_ms, gap.to_ms) for gap in await store.gaps(symbol, frame)]
    findings = data_checks.report(candles, frame, known).findings
    return r.DataReport(
        symbol=symbol,
        timeframe=frame.value,
        candles=len(candles),
        ok=not any(finding.error for finding in findings),
        findings=[r.Finding(kind=f.kind, at_ms=f.at_ms, text=clean(f.text)) for f in findings[:MOST_FINDINGS]],
        hash=await store.hash(symbol, frame),
    )


@handles(c.GetJobs)
async def jobs(engine: Engine, command: c.GetJobs) -> r.Jobs:
    await engine.ready()
    assert engine.jobs is not None
    return r.Jobs(jobs=await engine.jobs.states(min(max(command.limit, 1), 500)))


@handles(c.CancelJob)
async def cancel(engine: Engine, command: c.CancelJob) -> r.Done:
    await engine.ready()
    assert engine.jobs is not None
    engine.jobs.cancel(command.id)
    return r.Done(text=f"Job {command.id} is being cancelled; what it stored stays.")
