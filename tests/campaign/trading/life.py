"""An engine that can die between any two steps, and be started again on what it left.

Decided here:
* Dying is what SIGKILL does: from one moment on no statement reaches the database, no byte the network, no file the
  disk; bytes that left before still arrive. Its tasks are then cancelled, which nobody can notice any more.
* A step is a write to the ledger, a file that is replaced, an order's bytes: just before, and just after. They are
  counted, so that a run can be made to die at each of them.
* What a person does in a life belongs to it and ends with it.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch

from aiosqlite import core as aiosqlite_core

from polotui.core import files, halt
from polotui.core.clock import Clock
from polotui.core.paths import Home
from polotui.core.settings.schema import Settings
from polotui.engine.engine import Engine
from polotui.engine.exchange import Venue
from polotui.storage.database import Database
from polotui.trading import latches
from tests.rig import World
from tests.rig.network import MemoryTransport

_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
#: Writes that no order and no money hangs on: dying around them shows nothing new.
DULL = frozenset({"append fact", "set setting", "add worth", "optimize"})


class Died(sqlite3.OperationalError):
    """The process is dead: what it wanted did not happen."""


class Life:
    """One engine from its start to its end. `steps` counts; at step `die_at` it dies."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.engine = engine
        self.number = number
        self.dead = False
        self.steps: list[str] = []
        self.die_at = 0
        #: Or at the next step of this name.
        self.die_on = ""
        self.died_at = ""
        #: In the order in which they were made: a set has another order each time.
        self.tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], None] = weakref.WeakKeyDictionary()
        self.links: weakref.WeakKeyDictionary[Any, None] = weakref.WeakKeyDictionary()
        self.databases: list[Any] = []
        self.died = asyncio.Event()
        self.running: asyncio.Task[None] | None = None

    def step(self, name: str) -> None:
        """A step is reached. Raises Died when the process does not live any more."""
        if self.dead:
            raise Died("the process is dead")
        self.steps.append(name)
        if len(self.steps) == self.die_at or name == self.die_on:
            self.die(name)
            raise Died("the process is dead")

    def die(self, where: str = "") -> None:
        self.dead = True
        self.died_at = where
        self.died.set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task that belongs to this life."""
        token = _LIFE.set(self)
        try:
            return asyncio.get_running_loop().create_task(work, name=name)
        finally:
            _LIFE.reset(token)


class Lives:
    """Starts engines on one home, one after the other."""

    def __init__(self, world: World, home: Home, venue: Venue, clock: Clock, settings: Settings | None = None) -> None:
        self.world = world
        self.home = home
        self.venue = venue
        self.clock = clock
        self.settings = settings or Settings()
        self.count = 0
        self.life: Life | None = None

    async def start(self, die_at: int = 0, *, patience: float = 600.0) -> Life:
        """A new engine, ready; or dead before it was."""
        self.count += 1
        chance = self.world.chance.child(f"life-{self.count}")
        engine = Engine(
            home=self.home, settings=self.settings, clock=self.clock, chance=chance, demo=True, venue=self.venue
        )
        life = self.life = Life(engine, self.count)
        life.die_at = die_at
        life.running = life.spawn(engine.run(), f"engine-{self.count}")
        ready = asyncio.create_task(engine.ready(patience), name="ready")
        died = asyncio.create_task(life.died.wait(), name="died")
        await asyncio.wait({ready, died}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ready, died):
            task.cancel()
        await asyncio.gather(ready, died, return_exceptions=True)
        if not life.dead and not ready.cancelled():
            ready.result()
        return life

    async def stop(self) -> None:
        """The engine is asked to end, and does."""
        life = self.life
        assert life is not None
        assert life.running is not None
        life.engine.stop("asked to")
        await asyncio.wait({life.running}, timeout=300)
        if not life.running.done():
            raise AssertionError("the engine does not end when it is asked to")
        life.running.result()
        await _end_all(life.tasks)

    async def bury(self, life: Life) -> None:
        """What the kernel does with a dead process: connections end, files are closed, nothing runs."""
        life.die(life.died_at)
        for transport in list(life.links):
            transport.abort()
        server = life.engine.server._server
        if server is not None:
            server.close()
        await _end_all(life.tasks)
        for database in life.databases:
            if database._connection is not None:
                database._connection.close()
                database._connection = None


async def _end_all(tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], None]) -> None:
    for _ in range(50):
        left = [task for task in tasks if not task.done() and task is not asyncio.current_task()]
        if not left:
            break
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=5)
    # What a dead process raises nobody hears.
    for task in list(tasks):
        if task.done() and not task.cancelled():
            task.exception()


def current() -> Life | None:
    """The life that this code runs in."""
    return _LIFE.get()


@contextmanager
def mortal(world: World) -> Iterator[None]:
    """While inside, lives count their steps and can end at them."""
    loop = world.loop

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        life = _LIFE.get()
        if life is not None:
            life.tasks[task] = None
        return task

    def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # What a dead process raises nobody hears.
        if not isinstance(context.get("exception"), Died):
            world.loop._complain(loop, context)

    loop.set_task_factory(factory)
    loop.set_exception_handler(complain)
    with ExitStack() as stack:
        stack.enter_context(_databases())
        stack.enter_context(_files())
        stack.enter_context(_network())
        try:
            yield
        finally:
            loop.set_task_factory(None)
            gc.collect()


@contextmanager
def _databases() -> Iterator[None]:
    timed, made = Database._timed, aiosqlite_core.Connection.__init__

    def opened(self: Any, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        life = _LIFE.get()
        if life is not None:
            life.databases.append(self)
            self._tx = _Mortal(self._tx, life)

    def counted(self: Database, label: str, connection: Any, job: Callable[[], Any]) -> Any:
        life = _LIFE.get()
        writer = self._writer is not None and connection is self._writer._connection
        if life is None or not writer or self.path.name != "ledger.db" or label in DULL:
            return timed(self, label, connection, job)
        life.step(f"before {label}")
        result = timed(self, label, connection, job)
        life.step(f"after {label}")
        return result

    with patch.object(Database, "_timed", counted), patch.object(aiosqlite_core.Connection, "__init__", opened):
        yield


class _Mortal:
    """A database's queue that takes nothing from the dead."""

    def __init__(self, queue: Any, life: Life) -> None:
        self._queue = queue
        self._life = life

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = item
        if self._life.dead:
            if future is not None and not future.done():
                future.set_exception(Died("the process is dead"))
            return
        self._queue.put_nowait((future, function))


@contextmanager
def _files() -> Iterator[None]:
    write, clear = files.write_private, halt.clear

    def written(path: Any, data: bytes) -> None:
        life = _LIFE.get()
        if life is None:
            write(path, data)
            return
        if life.dead:
            raise OSError(5, "the process is dead")
        dull = path.name not in ("latches.json", halt.NAME)
        if not dull:
            _or_oserror(life, f"before file {path.name}")
        write(path, data)
        if not dull:
            _or_oserror(life, f"after file {path.name}")

    def cleared(home: Home) -> bool:
        life = _LIFE.get()
        if life is not None:
            _or_oserror(life, "before unlink HALT")
        found = clear(home)
        if life is not None:
            _or_oserror(life, "after unlink HALT")
        return found

    with (
        patch.object(files, "write_private", written),
        patch.object(latches, "write_private", written),
        patch.object(halt, "write_private", written),
        patch.object(halt, "clear", cleared),
    ):
        yield


def _or_oserror(life: Life, name: str) -> None:
    try:
        life.step(name)
    except Died as error:
        raise OSError(5, "the process is dead") from error


@contextmanager
def _network() -> Iterator[None]:
    made, write = MemoryTransport.__init__, MemoryTransport.write

    def opened(self: Any, link: Any, side: int, protocol: Any, context: Any) -> None:
        made(self, link, side, protocol, context)
        life = _LIFE.get()
        self._life = life if side == 0 else None
        if self._life is not None:
            self._life.links[self] = None

    def written(self: Any, data: Any) -> None:
        life = self._life
        if life is None:
            write(self, data)
            return
        if life.dead:
            return
        order = bytes(data[:12]) in (b"POST /orders", b"DELETE /orde")
        try:
            if order:
                life.step(f"before {bytes(data[:6]).decode().strip()} order")
            write(self, data)
            if order:
                life.step(f"after {bytes(data[:6]).decode().strip()} order")
        except Died:
            return

    with patch.object(MemoryTransport, "__init__", opened), patch.object(MemoryTransport, "write", written):
        yield
