"""The crash sweep: each script of `scripts.py` again and again, and each time the engine dies one step later.

    python -m tests.campaign.trading.crash [--script NAME] [--every 1] [--at N]

Decided here: after each death another engine starts on what was left, is given time to come to rest, and everything is
judged as in any run: what was acknowledged is there, the books agree, positions are protected, the desk trades again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polotui.api import risk_commands as rc
from polotui.core import halt
from polotui.core.errors import PolotuiError
from tests.campaign.trading import ending
from tests.campaign.trading.desk import Desk
from tests.campaign.trading.invariants import judge
from tests.campaign.trading.life import mortal
from tests.campaign.trading.people import Person
from tests.campaign.trading.scripts import SCRIPTS, Script
from tests.campaign.trading.seen import Seen
from tests.campaign.trading.watch import Watch, watching
from tests.rig import World, rig
from tests.rig.clock import RigClock

SETTLE_SECONDS = 25.0
#: No script has so many steps.
MOST_STEPS = 2_000


@dataclass
class Outcome:
    """One run of a script. `steps` were counted up to its end or death."""

    script: str
    at: int
    died_at: str = ""
    steps: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)


def run(name: str, at: int, defect: AbstractContextManager[Any] | None = None) -> Outcome:
    """The script, with death at its step number `at`; 0: it lives."""
    plot = SCRIPTS[name]
    seen = Seen(seed=f"{name} {at}", signed_orders_allowed=plot.signed)
    outcome = Outcome(name, at)
    folder = Path(tempfile.mkdtemp(prefix="pt-crash-"))

    async def main(world: World) -> None:
        desk = Desk(world, folder, RigClock(world.loop))
        watch = Watch(world, desk.simulator, seen, desk.tail)
        with ExitStack() as stack:
            stack.enter_context(mortal(world))
            stack.enter_context(watching(watch))
            try:
                await _play(desk, plot, watch, seen, outcome)
            finally:
                await desk.give_up()

    try:
        with defect or nullcontext():
            rig(main, plot.seed)
    except (Exception, sqlite3.Error) as error:  # noqa: BLE001 - a run that breaks is a finding, named like the others
        told = error.cause if isinstance(error, PolotuiError) else error
        seen.error = f"{type(error).__name__}: {told}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outcome.failures = judge(seen)
    return outcome


async def _play(desk: Desk, plot: Script, watch: Watch, seen: Seen, outcome: Outcome) -> None:
    await desk.prepare()
    await desk.open()
    looking = asyncio.create_task(watch.look(lambda: desk.lives.life), name="watch")
    life, noted = desk.life, dict[str, Any]()
    begun = len(life.steps)
    life.die_at = begun + outcome.at if outcome.at else 0
    playing = life.spawn(plot.plot(desk, noted), "plot")
    died = asyncio.create_task(life.died.wait(), name="died")
    await asyncio.wait({playing, died}, timeout=1_200, return_when=asyncio.FIRST_COMPLETED)
    died.cancel()
    outcome.steps, outcome.died_at = len(life.steps) - begun, life.died_at
    if life.dead:
        watch.note_states(life)
        await desk.lives.bury(life)
        await asyncio.gather(playing, return_exceptions=True)
        await desk.lives.start()
    elif not playing.done():
        seen.find("run_ends", "the script does not end")
        playing.cancel()
    elif (error := playing.exception()) is not None:
        raise error
    desk.simulator.faults.load([])
    await _rest(desk, seen)
    plot.check(desk, noted, seen)
    person = Person(desk.engine, desk.world.chance.child("last").generator(), seen.diary, signed=plot.signed)
    if halt.is_halted(desk.home) is not None:
        await desk.ask(rc.Resume(words="RESUME", caller="person"))
    await desk.life.spawn(person.mend(every=True), "mend")
    await asyncio.sleep(3)
    await desk.life.spawn(ending.trades_again(seen, person), "last orders")
    await asyncio.sleep(2)
    looking.cancel()
    await asyncio.wait({looking})
    await ending.at_rest(desk.life, desk.simulator)
    ending.judge_running(seen, desk.life, desk.simulator, desk.tail, desk.world)
    await desk.lives.stop()
    ending.judge_files(seen, desk.home, desk.tail)
    await desk.simulator.stop()
    await asyncio.sleep(5)


async def _rest(desk: Desk, seen: Seen) -> None:
    """Until the desk works and nothing is under way; an order of unknown fate takes the exchange's window."""
    await asyncio.sleep(SETTLE_SECONDS)


def sweep(name: str, every: int = 1, *, offset: int = 0) -> list[Outcome]:
    """The whole run, then one death at each step, or at every so many."""
    whole = run(name, 0)
    points = range(1 + offset % every, whole.steps + 1, every)
    return [whole, *(run(name, at) for at in points)]


def _one(name: str, at: int) -> Outcome:
    logging.disable(logging.CRITICAL)
    return run(name, at)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.trading.crash", description=__doc__)
    parser.add_argument("--script", default="", help="only the scripts whose name contains this")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--at", type=int, default=-1, help="only this step")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    names = [name for name in SCRIPTS if options.script in name]
    started, bad, count = time.perf_counter(), 0, 0
    with ProcessPoolExecutor(options.workers) as pool:
        wholes = [_one(name, 0) for name in names] if options.at >= 0 else list(pool.map(_one, names, [0] * len(names)))
        jobs = [(whole.script, at) for whole in wholes for at in range(1, whole.steps + 1, options.every)]
        if options.at >= 0:
            jobs = [(name, options.at) for name in names]
        for whole in wholes:
            print(f"{whole.script}: {whole.steps} steps {whole.failures or ''}", flush=True)
            bad += bool(whole.failures)
        for outcome in pool.map(_one, *zip(*jobs, strict=True)) if jobs else ():
            count += 1
            if outcome.failures:
                bad += 1
                print(f"{outcome.script} at {outcome.at} ({outcome.died_at}): {outcome.failures}", flush=True)
    print(f"{count} deaths in {len(names)} scripts, {bad} failures, {time.perf_counter() - started:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
