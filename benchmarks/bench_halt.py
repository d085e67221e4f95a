"""Halt: from the second ctrl+g to the first cancel at the exchange and to the last one, seen from outside.

The whole application in a real terminal on the built-in exchange; orders rest at it, placed through the gate. Beside it
a signed reader asks the exchange what rests, every few milliseconds. Cases: nothing wrong; the ledger locked by
another process; another face that is stopped and does not read. Gates (G4): first cancel 100 ms, all confirmed 5 s.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from benchmarks.harness import short_folder, table
from benchmarks.terminal import Terminal
from polotui.api.commands import GetTickers
from polotui.api.risk_commands import Resume
from polotui.api.socket_link import SocketLink
from polotui.api.trade_commands import ListOrders, PlaceOrder
from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.engine import demo
from polotui.poloniex.calls import RestSettings
from polotui.poloniex.limits import Limits
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner

ORDERS = 6
ROUNDS = 5
SYMBOL = "BTC_USDT"


@dataclass
class Seen:
    """Milliseconds from the key press."""

    first: float
    last: float
    shown: float


async def prepare(home: str) -> None:
    """Orders that rest: half at the exchange, half on paper."""
    link = await SocketLink.connect(Home.at(home).socket, face="bench")
    try:
        await link.call(Resume(words="RESUME"))
        last = (await link.call(GetTickers(symbols=[SYMBOL]))).tickers[0].last
        for number in range(ORDERS):
            price = round(last * (0.985 - 0.001 * number), 2)
            for account, more in (("spot", 0.0), ("paper", 0.5)):
                order = PlaceOrder(
                    symbol=SYMBOL, side="BUY", type="LIMIT", account=account, amount=f"{20 + number + more}",
                    price=f"{price}", stop=f"{round(price * 0.99, 2)}",
                )  # fmt: skip
                # So many a second and a minute, and no more.
                while (reply := await link.call(order)).decision.code == "RISK-RATE":
                    await asyncio.sleep(1)
                if not reply.placed:
                    raise SystemExit(f"an order was refused: {[found.text for found in reply.decision.findings]}")
        while len((await link.call(ListOrders(account="spot", open=True))).orders) < ORDERS:
            await asyncio.sleep(0.05)
    finally:
        await link.close()


async def watch(home: str, begun: float) -> tuple[float, float]:
    """When the exchange has fewer orders than before, and when none of them."""
    found = await demo.ensure(Home.at(home), [])
    clock = SystemClock()
    rest = SpotRest(
        clock=clock,
        chance=Chance(),
        base_url=found.rest_url,
        signer=SecretSigner(demo.KEY, demo.SECRET.encode()),
        limits=Limits(clock, share=1.0),
        settings=RestSettings(request_s=5),
    )
    first = 0.0
    try:
        while True:
            left = len(await rest.open_orders())
            now = (time.perf_counter() - begun) * 1000
            if left < ORDERS and not first:
                first = now
            if not left:
                return first, now
            await asyncio.sleep(0.002)
    finally:
        await rest.close()


@contextmanager
def read_by_its_terminal(face: Terminal) -> Iterator[None]:
    """What the face paints is read all the time, as a terminal does."""
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            face.read(0.02)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


def prepared(home: str, face: Terminal) -> None:
    with read_by_its_terminal(face):
        asyncio.run(prepare(home))
    face.drain(1.0)


def pressed(home: str, face: Terminal) -> Seen:
    """The chord, and what the exchange and the screen make of it."""
    face.send("\x07")
    face.drain(0.1)
    begun = time.perf_counter()
    face.send("\x07")
    with read_by_its_terminal(face):
        first, last = asyncio.run(watch(home, begun))
    shown = face.until("HALTED") * 1000
    face.send("\x1b")
    return Seen(first, last, shown)


def once(home: str, face: Terminal) -> Seen:
    prepared(home, face)
    return pressed(home, face)


@contextmanager
def locked(home: str) -> Iterator[None]:
    """Another process has the ledger."""
    connection = sqlite3.connect(Home.at(home).data / "ledger.db", isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def stalled(home: str) -> Iterator[None]:
    other = Terminal([sys.executable, "-m", "polotui", "demo", "--home", home])
    other.until("DEMO")
    other.drain(2)
    os.kill(other.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(other.pid, signal.SIGCONT)
        other.close()


def main() -> bool:
    home = str(short_folder())
    face = Terminal([sys.executable, "-m", "polotui", "demo", "--home", home])
    face.until("DEMO")
    face.drain(8)
    rows, good = [], True
    for name, wrong in (
        ("nothing wrong", lambda: nullcontext()),
        ("another face stopped", lambda: stalled(home)),
        ("the ledger locked", None),
    ):
        seen = []
        for _ in range(ROUNDS):
            if wrong is not None:
                with wrong():
                    seen.append(once(home, face))
            else:
                seen.append(once_locked(home, face))
        first, last = statistics.median(s.first for s in seen), max(s.last for s in seen)
        shown = statistics.median(s.shown for s in seen)
        good = good and max(s.last for s in seen) <= 5_000
        rows.append(
            (name, f"first cancel {first:.0f} ms (median), all gone {last:.0f} ms (worst), HALTED shown {shown:.0f} ms")
        )
    face.close()
    table(f"Halt by key with {ORDERS} orders at the exchange and {ORDERS} on paper, {ROUNDS} rounds each", rows)
    return good


def once_locked(home: str, face: Terminal) -> Seen:
    prepared(home, face)
    with locked(home):
        seen = pressed(home, face)
    face.drain(3)
    return seen
