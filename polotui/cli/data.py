"""`polotui data`: stored candles.

Decided here: a download is the engine's job, so it goes on when this command ends by force; ctrl+c asks the engine to
cancel it, a second ctrl+c leaves it running. Progress goes to standard error. An export to standard output goes
through a private temporary file, since only the engine reads the store and a frame of its socket is bounded.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from polotui.api.commands import DataDownload, DataExport, DataImport, DataList, DataVerify
from polotui.api.events import JobState
from polotui.api.replies import DataExported, DataImported, DataReport, DataSets, JobStarted
from polotui.api.socket_link import SocketLink
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.jobs import JobEnded, follow_job
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import document, moment, note, say, table
from polotui.cli.where import day_of, symbol_of, timeframe_of, where
from polotui.core.clock import SystemClock
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.model.candles import DAY_MS

app = new_app("Stored candles: download, import, export, list, verify.")
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC_USDT.")]
Frame = Annotated[str, typer.Option("--timeframe", "-t", help="1m, 5m, 15m, 30m, 1h, 4h or 1d.")]


@app.command()
def download(
    symbol: Symbol,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, UTC: 2024-05-01.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last; default now.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Instead of --from: so many days back.")] = None,
    timeframe: Frame = "1m",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Fetches candles from the exchange; goes on where an earlier download ended. Minutes serve every timeframe."""
    from_ms, to_ms = _span(start, end, days)
    frame = timeframe_of(timeframe)
    command = DataDownload(symbol=symbol_of(symbol), from_ms=from_ms, to_ms=to_ms, timeframe=frame)

    async def work(link: SocketLink) -> JobState:
        started: JobStarted = await link.call(command)
        return await follow_job(link, started.id)

    job = with_engine(where(home, demo=demo), work)
    if job.end != "completed":
        raise JobEnded(
            f"{clean(job.title)}: {job.end}{', ' + clean(job.reason) if job.reason else ''}.",
            safe="What had arrived is stored.",
            next_step="The same command goes on from there.",
            code=f"job-{job.end}",
        )
    say(document("data.download", job) if as_json else f"{clean(job.title)}: done. {clean(job.detail)}".rstrip())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON, Parquet or feather.")],
    symbol: Annotated[str | None, typer.Argument(metavar="[SYMBOL]", help="Such as BTC_USDT.")] = None,
    named: Annotated[str | None, typer.Option("--symbol", metavar="SYMBOL", help="The same as an option.")] = None,
    timeframe: Frame = "1m",
    times: Annotated[str, typer.Option(metavar="start|end", help="What times name: a bar's start or end.")] = "start",
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Zone of times that name none: +05:30, Europe/Berlin.")
    ] = "UTC",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Reads candles from a file. Nothing is stored unless the whole file is sound."""
    if (symbol is None) == (named is None):
        raise UsageError(
            "Say once which symbol the candles are of.",
            safe="Nothing was stored.",
            next_step="polotui data import FILE BTC_USDT, or --symbol BTC_USDT.",
        )
    if times not in ("start", "end"):
        raise UsageError(f"--times is start or end, not {clean(times, 20)!r}.", safe="Nothing was stored.")
    path = file.expanduser().absolute()
    if not path.is_file():
        raise UsageError(f"There is no file {clean(path)}.", safe="Nothing was stored.", next_step="Check the path.")
    command = DataImport(
        path=str(path),
        symbol=symbol_of(symbol or named or ""),
        timeframe=timeframe_of(timeframe),
        times=times,
        zone="" if zone == "UTC" else zone,
    )
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, DataImported)
    if as_json:
        say(document("data.import", reply))
        return
    span = f"{moment(reply.from_ms)} to {moment(reply.to_ms)} UTC"
    say(f"{clean(reply.symbol, 30)} {reply.timeframe}: {reply.candles} candles, {reply.new} of them new, {span}.")
    for warning in reply.warnings:
        note(clean(warning))


@app.command()
def export(
    symbol: Symbol,
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="Where to write; - is standard output.")],
    timeframe: Frame = "1m",
    kind: Annotated[
        str, typer.Option("--format", metavar="csv|json|parquet|feather", help="Default: by the file's name.")
    ] = "",
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, UTC: 2024-05-01.")] = None,
    end: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Day after the last, UTC.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Only the six columns that every program knows.")] = False,
    minutes: Annotated[bool, typer.Option("--from-minutes", help="Build from 1m even if this is stored.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Writes stored candles to a file: .csv, .json (also .gz), .parquet, .feather. All of it or nothing."""
    from_ms = day_of(start, "--from") if start is not None else 0
    to_ms = day_of(end, "--until") if end is not None else 0
    if from_ms < 0 or to_ms < 0 or (end is not None and from_ms >= to_ms):
        raise UsageError("The span is empty: it begins at or after its end.", safe="Nothing was asked.")

    def written(path: Path, form: str) -> DataExported:
        command = DataExport(
            path=str(path),
            symbol=symbol_of(symbol),
            timeframe=timeframe_of(timeframe),
            format=form,
            from_ms=from_ms,
            to_ms=to_ms,
            plain=plain,
            from_minutes=minutes,
            force=force,
        )
        reply = ask(where(home, demo=demo), command)
        assert isinstance(reply, DataExported)
        return reply

    if to == "-":
        _to_standard_output(written, kind or "csv", as_json=as_json)
        return
    reply = written(Path(to).expanduser().absolute(), kind)
    if as_json:
        say(document("data.export", reply))
        return
    say(f"{_exported(reply)}, {reply.size:,} bytes in {clean(reply.path)}.")
    say(f"sha256 {clean(reply.hash, 64)}")
    for warning in reply.warnings:
        note(clean(warning))


def _to_standard_output(written: Callable[[Path, str], DataExported], form: str, *, as_json: bool) -> None:
    if as_json or form not in ("csv", "json"):
        cause = "Standard output cannot hold both the candles and --json." if as_json else ""
        raise UsageError(
            cause or f"Standard output takes csv or json, not {clean(form, 20)}.",
            safe="Nothing was asked.",
            next_step="Give a file after --to.",
        )
    with tempfile.TemporaryDirectory(prefix="polotui-") as folder:
        path = Path(folder) / f"candles.{form}"
        reply = written(path, form)
        with path.open(encoding="ascii", newline="") as file:
            shutil.copyfileobj(file, sys.stdout)
        sys.stdout.flush()
    note(f"{_exported(reply)}. sha256 {clean(reply.hash, 64)}")
    for warning in reply.warnings:
        note(clean(warning))


def _exported(reply: DataExported) -> str:
    name = f"{clean(reply.symbol, 30)} {clean(reply.timeframe, 10)}"
    span = f"{moment(reply.from_ms)} to {moment(reply.to_ms)} UTC"
    return f"{name}: {reply.candles:,} candles ({clean(reply.source, 40)}), {span}"


@app.command("list")
def list_(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """What candles are stored, with their gaps and where they came from."""
    reply = ask(where(home, demo=demo), DataList())
    assert isinstance(reply, DataSets)
    if as_json:
        say(document("data.list", reply))
        return
    if not reply.sets:
        say("Nothing is stored yet. polotui data download BTC_USDT --days 30 fetches a month.")
        return
    rows = [
        [
            clean(row.symbol, 30),
            clean(row.timeframe, 10),
            moment(row.from_ms),
            moment(row.to_ms),
            f"{row.candles:,}",
            f"{row.gaps:,}",
            clean(", ".join(row.sources), 60),
        ]
        for row in reply.sets
    ]
    say(table(["symbol", "frame", "from (UTC)", "to (UTC)", "candles", "gaps", "source"], rows, "llllrrl"))


@app.command()
def verify(
    symbol: Symbol, timeframe: Frame = "1m", home: HomeDir = None, demo: Demo = False, as_json: AsJson = False
) -> None:
    """Checks stored candles: gaps, disorder, impossible bars, odd times, spikes. Exit code 1 when one cannot be."""
    command = DataVerify(symbol=symbol_of(symbol), timeframe=timeframe_of(timeframe))
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, DataReport)
    if as_json:
        say(document("data.verify", reply))
    else:
        _show_report(reply)
    if not reply.ok:
        raise typer.Exit(1)


def _show_report(reply: DataReport) -> None:
    errors = sum(found.level == "error" for found in reply.findings)
    verdict = "sound" if reply.ok else f"not sound, {errors} error{'s' if errors != 1 else ''}"
    say(f"{clean(reply.symbol, 30)} {clean(reply.timeframe, 10)}: {reply.candles:,} candles, {verdict}.")
    if reply.gaps:
        say(f"gaps {reply.gaps:,}: {reply.missing:,} candles missing, at most {reply.longest_gap:,} in a row")
    empty = f"{reply.zero_volume:,} without volume ({reply.zero_volume / reply.candles * 100:.1f} %)"
    wrong = f"duplicates {reply.duplicates:,}, out of order {reply.disorder:,}, impossible {reply.impossible:,}"
    say(f"{wrong}; spikes {reply.spikes:,}; {empty}")
    rows = [
        [moment(found.at_ms), clean(found.level, 10), clean(found.kind, 20), clean(found.text)]
        for found in reply.findings
    ]
    if rows:
        say(table(["at (UTC)", "level", "finding", "what"], rows, "llll"))
    say(f"sha256 {clean(reply.hash, 64)}")


def _span(start: str | None, end: str | None, days: int | None) -> tuple[int, int]:
    if (start is None) == (days is None):
        raise UsageError("Say from when: either --from or --days.", safe="Nothing was asked.")
    to_ms = day_of(end, "--to") if end is not None else 0
    now = SystemClock().wall_ms()
    from_ms = day_of(start, "--from") if start is not None else (to_ms or now) - (days or 0) * DAY_MS
    if from_ms >= (to_ms or now):
        raise UsageError("The span is empty: it begins at or after its end.", safe="Nothing was asked.")
    return from_ms, to_ms
