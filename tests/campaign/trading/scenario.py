"""One run: the exchange, an engine that trades for bots and people, faults and deaths; then healing, and the judgement.

Decided here:
* The first life begins in calm: a run is about trading, not about installing. Later ones begin in whatever weather.
* After the faults people stop, everything heals and settles, and the desk must be able to trade again: an order by hand
  goes through on each account.
* The engine then ends as it is asked to, and what it left is compared with what the exchange has.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import sqlite3
import tempfile
import time
import tracemalloc
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polotui.core.errors import PolotuiError, Unreachable
from tests.campaign.trading import ending
from tests.campaign.trading.desk import Desk
from tests.campaign.trading.faults import TradingFaults, disks
from tests.campaign.trading.life import Life, mortal
from tests.campaign.trading.people import Person
from tests.campaign.trading.seen import Seen
from tests.campaign.trading.watch import Watch, watching
from tests.rig import World, rig
from tests.rig.clock import RigClock

SETTLE_SECONDS = 120.0


@dataclass(frozen=True)
class Options:
    """What kind of run. `signed`: people and a bot trade on the exchange's account, too. `weigh`: what the engine alone
    keeps is counted apart from the exchange and the judge, which makes the run about twice as long."""

    hours: float = 1.0
    faults: bool = True
    signed: bool = True
    weigh: bool = False


#: Neither the engine nor called by it alone: the other parts of the run, and the counting.
_NOT_THE_ENGINE = ("*/polotui/simulator/*", "*/tests/*", "*/tracemalloc.py", "<frozen importlib*")


class Run(Desk):
    """The parts of one run."""

    def __init__(self, world: World, folder: Path, options: Options, seen: Seen) -> None:
        skew = world.chance.child("skew").generator()
        clock = RigClock(world.loop, skew_ms=skew.randint(-300_000, 300_000), drift_ppm=skew.uniform(-500, 500))
        super().__init__(world, folder, clock)
        world.client_clock = clock  # type: ignore[attr-defined]
        self.options = options
        self.seen = seen
        self.rng = world.chance.child("people").generator()
        self.watch = Watch(world, self.simulator, seen, self.tail)
        self.faults: TradingFaults | None = None
        self._over = False

    def now(self) -> Life | None:
        return self.lives.life

    # -- one life after the other ---------------------------------------------------------------------------------

    async def live(self) -> None:
        """Engines, one after the other, until cancelled or over."""
        while not self._over:
            begun = self.world.loop.now
            try:
                life = await self.lives.start(patience=60)
            except Unreachable as error:
                if not any(words in error.cause for words in ("on the disk", "is locked by another program")):
                    raise
                # Its disk failed while it started, or another program held a file for longer than it waits: it says so
                # and waits for a person, who starts it again.
                life = self.lives.life
                assert life is not None
                life.die("a start without its disk")
            if not life.dead:
                self.seen.ready_after.append(self.world.loop.now - begun)
                life.spawn(self._work(life), "person")
            await life.died.wait()
            self.watch.note_states(life)
            self.seen.deaths.append(f"{self.world.loop.now:.1f} s at {life.died_at}")
            await self.lives.bury(life)
            await asyncio.sleep(self.rng.choice((0.05, 0.5, 3.0, 20.0, 100.0)))

    async def _work(self, life: Life) -> None:
        signed = self.options.signed
        person = Person(life.engine, self.rng, self.seen.diary, signed=signed)
        await person.work()

    def die_soon(self) -> None:
        """The engine dies within its next few steps."""
        life = self.now()
        if life is not None and not life.dead:
            life.die_at = len(life.steps) + self.rng.randint(1, 12)

    # -- the whole ------------------------------------------------------------------------------------------------

    async def go(self) -> None:
        if self.options.weigh:
            tracemalloc.start()
        await self.prepare()
        living = asyncio.create_task(self.live(), name="lives")
        looking = asyncio.create_task(self.watch.look(self.now), name="watch")
        weighing = asyncio.create_task(self._weigh(), name="memory")
        tasks = [living, looking, weighing]
        await asyncio.sleep(90)
        symbols = list(self.simulator.exchange.markets)
        self.faults = TradingFaults(self.world, self.simulator, symbols, self.die_soon)
        self.seen.plan = self.faults.plan
        if self.options.faults:
            self.faults.begin()
            tasks.append(asyncio.create_task(self.faults.run(), name="faults"))
        await asyncio.sleep(self.options.hours * 3600 - 90)
        if self.options.faults:
            await _end(tasks.pop())
        self.faults.heal()
        await self._settle(living)
        for task in tasks:
            await _end(task)
        fallen = [
            f"{t.get_name()}: {t.exception()!r}" for t in tasks if not t.cancelled() and t.exception() is not None
        ]
        self.seen.error = "; ".join(fallen)
        if not fallen:
            life = self.now()
            assert life is not None
            await ending.at_rest(life, self.simulator)
            ending.judge_running(self.seen, life, self.simulator, self.tail, self.world)
            await self.lives.stop()
            ending.judge_files(self.seen, self.home, self.tail)
        await self.simulator.stop()
        await asyncio.sleep(5)
        self.seen.virtual_seconds = self.world.loop.now
        self.seen.trace = self.world.trace

    async def _weigh(self) -> None:
        while True:
            await asyncio.sleep(3600)
            gc.collect()
            lines = Path("/proc/self/status")
            if lines.exists():
                text = next(line for line in lines.read_text().splitlines() if line.startswith("VmRSS:"))
                self.seen.memory.append(int(text.split()[1]) / 1024)
            if tracemalloc.is_tracing():
                kept = tracemalloc.take_snapshot().filter_traces(
                    [tracemalloc.Filter(inclusive=False, filename_pattern=each) for each in _NOT_THE_ENGINE]
                )
                self.seen.kept.append(sum(line.size for line in kept.statistics("filename")) / 1e6)

    async def _settle(self, living: asyncio.Task[None]) -> None:
        """People stop, everything heals; then the desk must trade again."""
        self._over = True
        self.watch.healed_at = self.world.loop.now + 45.0
        for _ in range(600):
            life = self.now()
            if living.done() or (life is not None and not life.dead and life.engine.trading is not None
                                 and life.engine._ready.is_set()):  # fmt: skip
                break
            await asyncio.sleep(1)
        life = self.now()
        if living.done() or life is None or life.dead:
            await self._last_life(living)
            life = self.now()
        assert life is not None
        life.die_at = 0
        for task in list(life.tasks):
            if task.get_name() == "person":
                await _end(task)
        person = Person(life.engine, self.rng, self.seen.diary, signed=self.options.signed)
        await asyncio.sleep(SETTLE_SECONDS / 2)
        await person.mend()
        await person.resume()
        await asyncio.sleep(SETTLE_SECONDS / 2)
        await person.mend(every=True)
        await life.spawn(ending.trades_again(self.seen, person), "last orders")

    async def _last_life(self, living: asyncio.Task[None]) -> None:
        """The last one died as the faults ended."""
        await asyncio.wait({living}, timeout=600)
        if living.done() and not living.cancelled() and living.exception() is None:
            await self.lives.start()


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=60)


def run(seed: int, options: Options | None = None, defect: AbstractContextManager[Any] | None = None) -> Seen:
    """One run. `defect` plants a mistake in the product for its length."""
    options = options or Options()
    seen = Seen(seed=seed, signed_orders_allowed=options.signed)
    started = time.process_time()
    folder = Path(tempfile.mkdtemp(prefix="pt-campaign-"))

    async def main(world: World) -> None:
        one = Run(world, folder, options, seen)
        with ExitStack() as stack:
            stack.enter_context(disks(lambda: one.faults))
            stack.enter_context(mortal(world))
            stack.enter_context(watching(one.watch))
            try:
                await one.go()
            finally:
                one.tail.close()

    try:
        with defect or nullcontext():
            rig(main, seed)
    except (Exception, sqlite3.Error) as error:  # noqa: BLE001 - a run that breaks is a finding, named like the others
        told = error.cause if isinstance(error, PolotuiError) else error
        seen.error = f"{seen.error} {type(error).__name__}: {told}".strip()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seen.cpu_seconds = time.process_time() - started
    return seen
