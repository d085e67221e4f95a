"""`polotui data`: stored candles.

Decided here: a download is the engine's job, so it goes on when this command ends by force; ctrl+c asks the engine to
cancel it, a second ctrl+c leaves it running. Progress goes to standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polotui.api.commands import DataDownload, DataImport, DataList, DataVerify
from polotui.api.events import JobState
from polotui.api.replies import DataImported, DataReport, DataSets, JobStarted
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

app = new_app("Stored candles: download, import, list, verify.")
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC_USDT.")]
Frame = Annotated[str, typer.Option("--timeframe", "-t", help="1m, 5m, 15m, 30m, 1h, 4h or 1d.")]


@app.command()
def download(
    symbol: Symbol,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, UTC: 2024-05-01.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last; default now.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Instead of --from: so many days back.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Fetches 1-minute candles from the exchange; goes on where an earlier download ended."""
    from_ms, to_ms = _span(start, end, days)
    command = DataDownload(symbol=symbol_of(symbol), from_ms=from_ms, to_ms=to_ms)

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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: time, open, high, low, close, volume.")],
    symbol: Symbol,
    timeframe: Frame = "1m",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Reads candles from a CSV file. Nothing is stored unless the whole file is sound."""
    path = file.expanduser().absolute()
    if not path.is_file():
        raise UsageError(f"There is no file {clean(path)}.", safe="Nothing was stored.", next_step="Check the path.")
    command = DataImport(path=str(path), symbol=symbol_of(symbol), timeframe=timeframe_of(timeframe))
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, DataImported)
    if as_json:
        say(document("data.import", reply))
        return
    span = f"{moment(reply.from_ms)} to {moment(reply.to_ms)} UTC"
    say(f"{clean(reply.symbol, 30)} {reply.timeframe}: {reply.candles} candles, {reply.new} of them new, {span}.")
    for warning in reply.warnings:
        note(clean(warning))


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
    """Checks stored candles for gaps, duplicates, disorder and impossible bars. Exit code 1 when there are any."""
    command = DataVerify(symbol=symbol_of(symbol), timeframe=timeframe_of(timeframe))
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, DataReport)
    if as_json:
        say(document("data.verify", reply))
    else:
        verdict = "sound" if reply.ok else f"{len(reply.findings)} findings"
        say(f"{clean(reply.symbol, 30)} {clean(reply.timeframe, 10)}: {reply.candles:,} candles, {verdict}.")
        rows = [[moment(found.at_ms), clean(found.kind, 20), clean(found.text)] for found in reply.findings]
        if rows:
            say(table(["at (UTC)", "finding", "what"], rows, "lll"))
        say(f"sha256 {clean(reply.hash, 64)}")
    if not reply.ok:
        raise typer.Exit(1)


def _span(start: str | None, end: str | None, days: int | None) -> tuple[int, int]:
    if (start is None) == (days is None):
        raise UsageError("Say from when: either --from or --days.", safe="Nothing was asked.")
    to_ms = day_of(end, "--to") if end is not None else 0
    now = SystemClock().wall_ms()
    from_ms = day_of(start, "--from") if start is not None else (to_ms or now) - (days or 0) * DAY_MS
    if from_ms >= (to_ms or now):
        raise UsageError("The span is empty: it begins at or after its end.", safe="Nothing was asked.")
    return from_ms, to_ms
