"""The engine's process: lock, log, signals, and the end.

Decided here: starting and recovering are the same path (crash-only). SIGTERM, SIGINT and SIGHUP end the engine
cleanly; a face starts it in a session of its own, so no closing terminal reaches it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from polotui import __version__
from polotui.core.clock import SystemClock
from polotui.core.errors import Refused
from polotui.core.harden import keep_memory_private
from polotui.core.ids import Chance
from polotui.core.lock import InstanceLock
from polotui.core.log import hide, logging_to
from polotui.core.paths import Home
from polotui.core.settings import schema
from polotui.core.signals import on_signals
from polotui.engine import demo
from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine")


@dataclass(frozen=True)
class Options:
    """What the process was asked to do. `linger` None: goes on until a signal."""

    root: Path | None = None
    linger: float | None = None
    demo: bool = False
    simulator: list[str] = field(default_factory=list)

    def home(self) -> Home:
        if self.root is not None:
            return Home.at(self.root)
        return Home.default("polotui-demo" if self.demo else "polotui")


def run_engine(options: Options) -> int:
    """Runs until a signal or until nobody needs it. Raises Locked when another engine has the home."""
    os.umask(0o077)
    keep_memory_private()
    home = options.home().make()
    if home.demo_file.exists() and not options.demo:
        raise Refused(
            f"The home {home.data} is a demo's; real prices and a real ledger do not belong there.",
            safe="Nothing in it was touched.",
            next_step="Choose another --home, or open it with polotui demo.",
            code="a-demo-home",
        )
    loaded = schema.load(home)
    clock = SystemClock()
    with (
        InstanceLock(home.lock) as lock,
        logging_to(home.logs / "engine.log", clock, level=loaded.settings.general.log_level),
    ):
        hide(demo.SECRET)
        log.info("engine starts", extra={"version": __version__, "home": str(home.data), "demo": options.demo})
        try:
            asyncio.run(_serve(options, home, loaded, clock, lock))
        finally:
            log.info("engine ended")
    return 0


async def _serve(options: Options, home: Home, loaded: schema.Loaded, clock: SystemClock, lock: InstanceLock) -> None:
    engine = Engine(
        home=home,
        settings=loaded.settings,
        clock=clock,
        chance=Chance(),
        linger=options.linger,
        demo=options.demo,
        simulator=options.simulator,
        lock=lock,
    )
    with on_signals(asyncio.get_running_loop(), engine.stop, "TERM", "INT", "HUP"):
        await engine.run()
