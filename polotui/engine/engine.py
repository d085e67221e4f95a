"""The engine: every service made once, started in order, ended in reverse.

Decided here: the socket opens before anything else is ready, so that a face has something to show at once: the stored
snapshot, marked with its age. What is not ready yet answers «starting», never a made-up value.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any, Literal

from polotui import __version__
from polotui.api.command import Command
from polotui.api.events import EngineState, Event, Fact, LabState, WatchState
from polotui.api.values import WatchRow
from polotui.core.cache import Cache
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError, StorageError, Unreachable
from polotui.core.ids import Chance
from polotui.core.lock import InstanceLock
from polotui.core.log import hide
from polotui.core.paths import Home
from polotui.core.settings.schema import Settings
from polotui.core.tasks import Supervisor
from polotui.engine import demo, snapshot
from polotui.engine.accounts import Accounts
from polotui.engine.backtests import Backtests
from polotui.engine.charts import Charts
from polotui.engine.compute import Workers
from polotui.engine.desk import Desk
from polotui.engine.exchange import Exchange, Venue
from polotui.engine.facts import Facts
from polotui.engine.handlers import handler_of
from polotui.engine.hub import Hub
from polotui.engine.jobs import Jobs
from polotui.engine.safety import Safety
from polotui.engine.server import Server
from polotui.engine.stores import Stores
from polotui.engine.strategies import Strategies
from polotui.engine.sweeps import Sweeps
from polotui.engine.trading.service import Trading
from polotui.security.facts import Finding

log = logging.getLogger("polotui.engine")

HEARTBEAT_SECONDS = 1.0
SNAPSHOT_SECONDS = 10.0


class Engine:
    """One running engine. `run` returns after `stop` was called or when nobody needs it any more."""

    def __init__(
        self,
        *,
        home: Home,
        settings: Settings,
        clock: Clock,
        chance: Chance,
        linger: float | None = None,
        demo: bool = False,
        simulator: list[str] | None = None,
        venue: Venue | None = None,
        lock: InstanceLock | None = None,
    ) -> None:
        self.home = home
        self.settings = settings
        self.clock = clock
        self.chance = chance
        self.started_ms = clock.wall_ms()
        self.pid = os.getpid()
        self._linger = linger
        self._demo = demo
        self._simulator = simulator or []
        self._venue = venue
        self._stopping = asyncio.Event()
        self._why = "the engine was asked to stop"
        self._last_face = clock.monotonic()
        self.facts = Facts(clock)
        self.hub = Hub(clock, self.facts.submit)
        self.facts.told = self.hub.facts_stored
        self.supervisor = Supervisor(clock, chance.child("tasks"), self._service_failed)
        self.server = Server(home.socket, self, self._faces_changed)
        self.cache = Cache(clock, settings.cache.model_dump())
        self.note = ""
        self.stores: Stores | None = None
        self.exchange: Exchange | None = None
        self.desk: Desk | None = None
        self.charts: Charts | None = None
        self.accounts: Accounts | None = None
        self.jobs: Jobs | None = None
        self.workers = Workers(home, clock)
        self.strategies: Strategies | None = None
        self.backtests: Backtests | None = None
        self.sweeps: Sweeps | None = None
        self.trading: Trading | None = None
        self._snapshot: snapshot.Snapshot | None = None
        self._lab = LabState()
        self._ready = asyncio.Event()
        #: `lock` None: the engine runs inside another program, which answers for its being the only one.
        self.safety = Safety(self, lock)

    # -- life -----------------------------------------------------------------------------------------------------

    def stop(self, why: str = "") -> None:
        """Ends `run`; may be called from a signal handler."""
        if why:
            self._why = f"the engine got {why}" if why.isupper() else why
        self._stopping.set()

    async def run(self) -> None:
        self._provide()
        await self.server.start()
        starting = asyncio.create_task(self._start(), name="start")
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and starting.exception() is not None:
                self._start_failed(starting.exception())
            await stopping
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._end()

    async def _start(self) -> None:
        self._show_snapshot()
        self.supervisor.service("heartbeat", self._heartbeat)
        # Before the databases: a new demo market removes the candles of the old one.
        if self._venue is None:
            self._venue = await self._find_venue()
        self.stores = await Stores.open(self.home, self.clock, self.chance)
        await self.facts.open(self.stores.facts)
        self.supervisor.service("facts", self.facts.run)
        hide(self._venue.secret)
        self.exchange = Exchange(
            self._venue,
            self.settings,
            self.clock,
            self.chance.child("exchange"),
            supervisor=self.supervisor,
            cache=self.cache,
        )
        self.jobs = Jobs(self)
        self.desk = Desk(self)
        self.charts = Charts(self)
        self.accounts = Accounts(self)
        await self.desk.start()
        await self.charts.start()
        await self.accounts.start()
        await self.jobs.start()
        self.strategies = Strategies(self)
        self.backtests = Backtests(self)
        self.sweeps = Sweeps(self)
        await self.backtests.start()
        self.trading = Trading(self)
        await self.trading.start()
        self.supervisor.service("workers", self.workers.keep)
        self.supervisor.service("snapshot", self._keep_snapshot)
        self.supervisor.task("integrity", self._check_databases())
        self.supervisor.service("safety", self.safety.run)
        self._ready.set()
        self.facts.submit("engine", "info", f"Engine {__version__} started ({self.mode()}, {self._venue.title}).")

    async def _find_venue(self) -> Venue:
        if not self._demo:
            return Venue.official(self.settings)
        found = await demo.ensure(self.home, self._simulator)
        return Venue(
            title=found.title,
            rest_url=found.rest_url,
            public_url=found.public_url,
            private_url=found.private_url,
            key=demo.KEY,
            secret=demo.SECRET,
            demo=True,
        )

    def _start_failed(self, error: BaseException | None) -> None:
        log.error("start failed", exc_info=error)
        self.note = str(error) if isinstance(error, PolotuiError) else f"The engine could not start: {error!r}."
        self.hub.touch("engine")

    async def _end(self) -> None:
        if self.desk is not None:
            self._save_snapshot()
        await self.server.close(f"{self._why[:1].upper()}{self._why[1:]}.")
        if self.trading is not None:
            await self.trading.close()
        await self.supervisor.close()
        await self.workers.close()
        if self.exchange is not None:
            await self.exchange.close()
        if self.charts is not None:
            await self.charts.end()
        if self.stores is not None:
            self.facts.submit("engine", "info", f"Engine ended: {self._why}.")
            await self.facts.flush()
            await self.stores.close()

    async def _heartbeat(self) -> None:
        while True:
            self.hub.touch("engine")
            await asyncio.sleep(HEARTBEAT_SECONDS)
            starting = not self._ready.is_set() and not self.note
            if self._linger is None or starting or self.server.faces or self.busy():
                self._last_face = self.clock.monotonic()
            elif self.clock.monotonic() - self._last_face >= self._linger:
                self.stop("nobody needed the engine any more")

    def _faces_changed(self, count: int) -> None:
        self._last_face = self.clock.monotonic()
        self.hub.touch("engine")

    def _service_failed(self, name: str, error: BaseException) -> None:
        self.note = f"The service {name} stopped after repeated failures; polotui logs shows why."
        self.facts.submit("engine", "error", f"Service {name} failed: {type(error).__name__}: {error}")
        if self.trading is not None:
            self.trading.service_failed(name, error)
        self.hub.touch("engine")

    # -- for the server and the handlers --------------------------------------------------------------------------

    async def handle(self, command: Command) -> Any:
        handler = handler_of(type(command))
        if handler is None:
            raise PolotuiError(f"The engine has no use case {type(command).__name__}.", code="unknown-command")
        return await handler(self, command)

    async def ready(self, seconds: float = 30.0) -> None:
        """Waits until all services run. Raises Unreachable with the reason when they do not come up."""
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError as error:
            raise Unreachable(
                self.note or "The engine is still starting.", next_step="Try again, or look at polotui logs."
            ) from error

    async def facts_after(self, number: int, limit: int) -> list[Fact]:
        return await self.facts.after(number, limit)

    def last_fact(self) -> int:
        return self.facts.last

    def mode(self) -> Literal["DEMO", "PAPER", "LIVE"]:
        return "DEMO" if self._demo else "PAPER"

    def busy(self) -> list[str]:
        jobs = self.jobs.running() if self.jobs is not None else []
        return jobs + (self.trading.busy() if self.trading is not None else [])

    def lab_changed(self, *, strategies: bool = False, runs: bool = False, sweeps: bool = False) -> None:
        """Counts a change of what is stored, so that lists are asked for again."""
        old = self._lab
        self._lab = LabState(strategies=old.strategies + strategies, runs=old.runs + runs, sweeps=old.sweeps + sweeps)
        self.hub.touch("lab")

    # -- what faces see -------------------------------------------------------------------------------------------

    def _provide(self) -> None:
        self.hub.provide("engine", lambda topic, key: self.state())
        self.hub.provide("lab", lambda topic, key: self._lab)
        self.hub.touch("engine")
        self.hub.touch("lab")

    def state(self) -> EngineState:
        """The engine's state now."""
        exchange, accounts = self.exchange, self.accounts
        equity, change = accounts.headline() if accounts is not None else ("", None)
        safety, fit = self.safety.shown()
        return EngineState(
            at_ms=self.clock.wall_ms(),
            version=__version__,
            pid=self.pid,
            started_ms=self.started_ms,
            mode=self.mode(),
            venue=exchange.venue.title if exchange else "",
            host=exchange.venue.host if exchange else "",
            streams=exchange.streams() if exchange else [],
            limits=exchange.limits() if exchange else [],
            clock_offset_ms=exchange.clock_offset_ms() if exchange else None,
            faces=self.server.faces,
            equity=equity,
            equity_change_ratio=change,
            note=self.note,
            busy=self.busy(),
            snapshot=self.desk is None and self._snapshot is not None,
            safety=safety,
            safety_fit=fit,
        )

    @property
    def _snapshot_file(self) -> Any:
        return self.home.data / "snapshot.bin"

    def _show_snapshot(self) -> None:
        found = self._snapshot = snapshot.load(self._snapshot_file)
        if found is None:
            return
        rows = {row.symbol: row for row in found.rows}

        def watch(topic: str, key: str) -> Event | None:
            return WatchState(row=rows[key]) if key in rows else None

        self.hub.provide("watch", watch)
        self.hub.provide("accounts", lambda topic, key: snapshot.accounts_event(found))
        for symbol in rows:
            self.hub.touch("watch", symbol)
        self.hub.touch("accounts")

    def snapshot_rows(self) -> list[WatchRow]:
        """The watchlist's rows of the last run, each marked stale."""
        return self._snapshot.rows if self._snapshot is not None else []

    async def _keep_snapshot(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            self._save_snapshot()

    async def _check_databases(self) -> None:
        """Once after every start: the ledger's chain, on which orders wait, and SQLite's own check of each file."""
        assert self.stores is not None
        try:
            report = await self.stores.ledger.verify()
        except StorageError as error:
            self.safety.tell("ledger-chain", Finding("bad", f"could not be verified: {error.cause}"))
            raise
        if report.ok:
            self.safety.tell("ledger-chain", Finding("ok", f"{report.entries} rows verified at the start"))
        else:
            self.safety.tell("ledger-chain", Finding("bad", f"broken at row {report.bad_row}: {report.reason}"))
            self._warn(f"The ledger's chain is broken at row {report.bad_row}: {report.reason}.")
        for database in (self.stores.ledger_db, self.stores.market_db, self.stores.results_db):
            if not await database.check_integrity():
                if database is self.stores.ledger_db:
                    self.safety.tell("ledger-chain", Finding("bad", "the database is damaged"))
                self._warn(f"The database {database.path.name} is damaged; nothing was deleted. Restore a copy of it.")

    def _warn(self, text: str) -> None:
        self.note = text
        self.facts.submit("engine", "error", text)
        self.hub.touch("engine")

    def _save_snapshot(self) -> None:
        if self.desk is None or self.accounts is None:
            return
        stored = snapshot.Snapshot(
            at_ms=self.clock.wall_ms(), rows=self.desk.all_rows(), accounts=self.accounts.states()
        )
        try:
            snapshot.save(self._snapshot_file, stored)
        except OSError as error:
            log.warning("the snapshot could not be written", extra={"detail": str(error)})
