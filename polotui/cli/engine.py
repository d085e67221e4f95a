"""`polotui engine`: the process that does the work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from polotui.api.attach import attach, attach_or_start
from polotui.api.commands import GetStatus, StopEngine
from polotui.api.replies import Done, Status
from polotui.api.socket_link import SocketLink
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import clock, document, moment, number, say, table
from polotui.cli.where import Where, where
from polotui.core import spawn
from polotui.core.errors import EngineGone, Unreachable
from polotui.core.text import clean

app = new_app("Run, start, stop the engine; its status.")

Speed = Annotated[float | None, typer.Option(min=0.01, max=100_000, help="Demo: how fast the exchange's time passes.")]
Seed = Annotated[str | None, typer.Option(help="Demo: the same seed gives the same market.")]
Symbols = Annotated[int | None, typer.Option(min=1, max=200, help="Demo: how many markets.")]
Data = Annotated[Path | None, typer.Option(help="Demo: replay recorded candles from this folder.")]
END_SECONDS = 10.0


@app.command("run")
def run_(
    home: HomeDir = None,
    demo: Demo = False,
    linger: Annotated[float | None, typer.Option(min=0, help="Seconds without a face before it ends.")] = None,
    speed: Speed = None,
    seed: Seed = None,
    symbols: Symbols = None,
    data: Data = None,
) -> None:
    """The engine in the foreground, for systemd and containers."""
    place = where(home, demo=demo)
    root = ["--home", place.root] if place.root is not None else []
    linger_words = ["--linger", f"{linger:g}"] if linger is not None else []
    spawn.replace_with("polotui.engine", ["run", *root, *_arguments(place, speed, seed, symbols, data), *linger_words])


@app.command()
def start(
    home: HomeDir = None,
    demo: Demo = False,
    linger: Annotated[float, typer.Option(min=0, max=86400, help="Seconds without a face before it ends.")] = 3600.0,
    speed: Speed = None,
    seed: Seed = None,
    symbols: Symbols = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Starts the engine in the background; does nothing when it runs."""
    place = where(home, demo=demo)
    arguments = [*_arguments(place, speed, seed, symbols, data), "--linger", f"{linger:g}"]

    async def session() -> tuple[bool, int]:
        running = True
        try:
            link = await attach(place.home, face="cli")
        except EngineGone:
            running = False
            link = await attach_or_start(place.home, place.root, face="cli", arguments=arguments)
        try:
            return running, link.welcome.pid if link.welcome is not None else 0
        finally:
            await link.close()

    running, pid = asyncio.run(session())
    if as_json:
        say(document("engine.start", {"pid": pid, "started": not running}))
    else:
        say(f"The engine runs already (pid {pid})." if running else f"The engine runs (pid {pid}).")


@app.command()
def stop(
    force: Annotated[bool, typer.Option("--force", help="Stop what runs, too.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Ends the engine cleanly. Refused while something runs, unless --force."""

    async def work(link: SocketLink) -> Done:
        pid = link.welcome.pid if link.welcome is not None else 0
        done: Done = await link.call(StopEngine(force=force))
        await _until_gone(link, pid)
        return done

    done = with_engine(where(home, demo=demo), work, start=False)
    say(document("engine.stop", done) if as_json else clean(done.text))


@app.command()
def status(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """The engine's state now. Exit code 3 when none runs."""
    reply = ask(where(home, demo=demo), GetStatus(), start=False)
    assert isinstance(reply, Status)
    say(document("engine.status", reply) if as_json else _worded(reply))


async def _until_gone(link: SocketLink, pid: int) -> None:
    """Returns when the engine has left its socket and its process has ended."""
    try:
        async with asyncio.timeout(END_SECONDS):
            try:
                async for _ in link.events([]):
                    pass
            except EngineGone:
                pass
            while pid and spawn.alive(pid):  # noqa: ASYNC110 - another process's end has no event
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise Unreachable(
            f"The engine (pid {pid}) said it ends, and still runs after {END_SECONDS:.0f} s.",
            next_step="polotui logs shows what it does.",
        ) from error


def _arguments(
    place: Where, speed: float | None, seed: str | None, symbols: int | None, data: Path | None
) -> list[str]:
    from polotui.cli.simulate import existing
    from polotui.core.errors import UsageError

    options: list[tuple[str, Any]] = [("speed", speed), ("seed", seed), ("symbols", symbols)]
    options.append(("data", existing(data, "data") if data is not None else None))
    given = [(name, value) for name, value in options if value is not None]
    if given and not place.demo:
        raise UsageError(
            f"--{given[0][0]} belongs to the demo.", safe="Nothing was started.", next_step="Add --demo, or leave it."
        )
    return [*place.engine_arguments, *(word for name, value in given for word in (f"--{name}", str(value)))]


def _worded(reply: Status) -> str:
    engine = reply.engine
    offset = "unknown" if engine.clock_offset_ms is None else f"{engine.clock_offset_ms:+.0f} ms"
    rows = [
        ["engine", f"{clean(engine.version)}, pid {engine.pid}, since {moment(engine.started_ms)} UTC"],
        ["mode", engine.mode],
        ["prices from", f"{clean(engine.venue)} ({clean(engine.host)})"],
        ["clock offset", offset],
        ["faces", str(engine.faces)],
        ["equity", f"{number(engine.equity)} USDT" if engine.equity else "unknown"],
    ]
    for stream in engine.streams:
        heard = f", last message {clock(stream.last_message_ms)} UTC" if stream.last_message_ms else ", no message yet"
        detail = f", {clean(stream.detail)}" if stream.detail else ""
        rows.append([f"stream {clean(stream.name, 30)}", f"{clean(stream.phase, 30)}{heard}{detail}"])
    rows += [[f"limit {clean(use.name, 30)}", f"{use.used} of {use.capacity}"] for use in engine.limits]
    rows += [["busy with", clean(work)] for work in engine.busy]
    if engine.note:
        rows.append(["note", clean(engine.note)])
    return table(["part", "state"], rows, "ll")
