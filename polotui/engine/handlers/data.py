"""Stored candles: download, import, export, list, verify; and the jobs that do it."""

from __future__ import annotations

from pathlib import Path

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.core.errors import UsageError
from polotui.core.text import clean, is_plain_symbol
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.engine.jobs import Progress
from polotui.market import data_checks, data_export, data_files
from polotui.market.data_forms import writing
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
    frame = frame_of(command.timeframe)

    async def work(progress: Progress) -> str:
        done = await past.fill(command.symbol, frame, command.from_ms, command.to_ms or now, progress)
        return f"{done.new:,} candles are new, {done.gaps:,} gaps noted, {done.pages:,} requests."

    title = f"download {command.symbol} {frame.value}"
    arguments = {
        "symbol": command.symbol,
        "timeframe": frame.value,
        "from_ms": command.from_ms,
        "to_ms": command.to_ms,
    }
    return r.JobStarted(id=await engine.jobs.run(title, "data-download", arguments, work), title=title)


@handles(c.DataImport)
async def import_file(engine: Engine, command: c.DataImport) -> r.DataImported:
    symbol, frame = plain_symbol(command.symbol), frame_of(command.timeframe)
    await engine.ready()
    assert engine.stores is not None
    done = await data_files.import_file(
        Path(command.path), symbol, frame, engine.stores.candles, times=command.times, zone=command.zone
    )
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
        raise no_data(symbol, frame)
    known = [(gap.from_ms, gap.to_ms) for gap in await store.gaps(symbol, frame)]
    minutes = await store.load_arrays(symbol, Timeframe.M1) if frame is not Timeframe.M1 else None
    told = data_checks.report(candles, frame, known, minutes)
    return r.DataReport(
        symbol=symbol,
        timeframe=frame.value,
        candles=len(candles),
        ok=told.ok,
        findings=[
            r.Finding(kind=f.kind, at_ms=f.at_ms, text=clean(f.text), level=f.level, place=f.place)
            for f in told.findings[:MOST_FINDINGS]
        ],
        hash=candles.sha256(),
        gaps=told.gaps,
        longest_gap=told.longest_gap,
        missing=told.missing,
        duplicates=told.duplicates,
        disorder=told.disorder,
        impossible=told.impossible,
        zero_volume=told.zero_volume,
        spikes=told.spikes,
    )


def no_data(symbol: str, frame: Timeframe) -> UsageError:
    return UsageError(
        f"No {frame.value} candles of {symbol} are stored.",
        safe="Nothing was changed.",
        next_step="polotui data list shows what is; polotui data download fetches.",
        code="no-data",
    )


@handles(c.DataExport)
async def export(engine: Engine, command: c.DataExport) -> r.DataExported:
    symbol, frame = plain_symbol(command.symbol), frame_of(command.timeframe)
    path = target_of(engine, command.path)
    kind = writing.kind_to_write(path, command.format)
    writing.check_target(path, force=command.force)
    await engine.ready()
    assert engine.stores is not None
    found = await data_export.collect(
        engine.stores.candles, symbol, frame, command.from_ms, command.to_ms, from_minutes=command.from_minutes
    )
    if not len(found.candles):
        raise no_data(symbol, frame)
    candles = data_export.plain(found.candles) if command.plain else found.candles
    size = await writing.write_file(path, kind, candles, plain=command.plain, force=command.force)
    engine.facts.submit("data", "info", f"Exported {len(candles):,} candles of {symbol} {frame.value}.", symbol)
    return r.DataExported(
        path=str(path),
        symbol=symbol,
        timeframe=frame.value,
        format=kind.value,
        candles=len(candles),
        from_ms=int(candles.open_ms[0]),
        to_ms=int(candles.open_ms[-1]) + frame.ms,
        size=size,
        source=found.source,
        hash=candles.sha256(),
        warnings=found.warnings,
    )


def target_of(engine: Engine, text: str) -> Path:
    """Where to write. Raises UsageError for a path that is not absolute or belongs to polotui itself."""
    path = Path(text)
    if not path.is_absolute() or "\0" in text or not path.name:
        raise UsageError(
            f"{clean(text, 120)!r} is no absolute path of a file.",
            safe=writing.NOTHING_WRITTEN,
            next_step="Give the whole path.",
        )
    real = path.parent.resolve() / path.name
    home = engine.home
    own = any(real.is_relative_to(folder.resolve()) for folder in (home.config, home.data, home.logs, home.runtime))
    if own and not real.is_relative_to(home.exports.resolve()):
        raise UsageError(
            f"{clean(path, 120)} lies in a folder where polotui keeps its own files.",
            safe=writing.NOTHING_WRITTEN,
            next_step="Choose a folder of your own.",
        )
    return path


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
