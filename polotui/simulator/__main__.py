"""`python -m polotui.simulator`: a Poloniex of your own on a local port.

Decided here: it binds loopback unless told otherwise, says where it listens in one line, and can end itself when
nobody has been connected for a while, so a forgotten demonstration does not run for ever.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from polotui.core.clock import SystemClock
from polotui.core.errors import ConfigError, PolotuiError
from polotui.core.files import write_private
from polotui.core.ids import Chance
from polotui.core.signals import on_signals
from polotui.simulator.config import Config, default_account, parse_account
from polotui.simulator.faults import load_plan
from polotui.simulator.serve import Simulator

MOST_SPEED = 10_000.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m polotui.simulator", description=__doc__.split("\n")[0])
    p.add_argument("--host", default="127.0.0.1", help="address to listen on (control endpoints only on loopback)")
    p.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    p.add_argument("--speed", type=float, default=1.0, help="market time runs this many times faster")
    p.add_argument("--activity", type=float, default=1.0, help="how busy the background is")
    p.add_argument("--seed", default="1", help="same seed, same market")
    p.add_argument("--symbols", type=int, default=20, help="number of markets, up to 200")
    p.add_argument("--data", type=Path, nargs="+", default=[], help="recorded market data to replay instead")
    p.add_argument("--faults", type=Path, help="fault plan, .json or .toml")
    p.add_argument("--account", action="append", default=[], metavar="KEY:SECRET:USDT=1000,BTC=0.1")
    p.add_argument("--announce", type=Path, help="write {pid, port, started_ms} to this file once listening")
    p.add_argument("--idle-exit", type=float, default=0.0, help="end after so many seconds without a connection")
    p.add_argument("--json", action="store_true", help="print the address as JSON")
    return p


def configure(options: argparse.Namespace) -> Config:
    """The options as a configuration."""
    for name in ("speed", "activity"):
        if not 0 < getattr(options, name) <= MOST_SPEED:
            raise ConfigError(f"--{name} must lie above 0 and at most {MOST_SPEED:g}, not {getattr(options, name):g}.")
    accounts = (default_account(), *(parse_account(item) for item in options.account))
    return Config(
        accounts=accounts,
        seed=options.seed,
        speed=options.speed,
        activity=options.activity,
        book_memory=1,
        recordings=tuple(options.data),
    )


def announce(path: Path, port: int, started_ms: int) -> None:
    """Writes the announcement whole or not at all, private as every file of a home."""
    write_private(path, json.dumps({"pid": os.getpid(), "port": port, "started_ms": started_ms}).encode())


async def run(options: argparse.Namespace) -> None:
    """Serves until a signal or the idle limit."""
    clock = SystemClock()
    started_ms = clock.wall_ms()
    rules = load_plan(options.faults) if options.faults else []
    simulator = Simulator(configure(options), clock, Chance(options.seed), options.symbols)
    port = await simulator.start(options.host, options.port, rules)
    address = f"http://{options.host}:{port}"
    line = (
        json.dumps({"address": address, "port": port, "pid": os.getpid()})
        if options.json
        else f"listening on {address}"
    )
    done = asyncio.Event()
    try:
        with on_signals(asyncio.get_running_loop(), lambda name: done.set(), "INT", "TERM"):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            if options.announce:
                announce(options.announce, port, started_ms)
            await _until_unused(simulator, done, clock, options.idle_exit)
    finally:
        await simulator.stop()
        if options.announce:
            options.announce.unlink(missing_ok=True)


async def _until_unused(simulator: Simulator, done: asyncio.Event, clock: SystemClock, idle_exit: float) -> None:
    while not done.is_set():
        idle = clock.monotonic() - simulator.last_left
        if idle_exit > 0 and not simulator.connections and idle >= idle_exit:
            break
        try:
            async with asyncio.timeout(min(1.0, idle_exit) if idle_exit > 0 else None):
                await done.wait()
        except TimeoutError:
            continue


def main(arguments: list[str] | None = None) -> int:
    """Runs the simulator; the exit code is 2 for a wrong call, 1 when it could not listen."""
    options = parser().parse_args(arguments)
    try:
        asyncio.run(run(options))
    except PolotuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
