"""`python -m tests.campaign.kills [--kills 1000] [--seed 1] [--homes 2]`: SIGKILL at random instants while it trades.

A real engine process on the built-in exchange, which outlives it. Two hands place, cancel and read orders on paper and
at the exchange, signed; whatever the engine answered is acknowledged. After each kill a new engine takes the same home;
the ledger must have every acknowledged row, read with nothing but SQL. At the end the exchange is asked, over its own
protocol: one order at most for each id, an intent for each order, the same fills to the last digit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from polotui.api.commands import GetTickers
from polotui.api.risk_commands import LockPair, VerifyAudit
from polotui.api.socket_link import SocketLink
from polotui.api.trade_commands import CancelOrder, ListFills, ListOrders, PlaceOrder
from polotui.core import spawn
from polotui.core.clock import SystemClock
from polotui.core.errors import PolotuiError, RemoteError
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.engine import demo
from polotui.model.account import Fill, Order
from polotui.poloniex.calls import RestSettings
from polotui.poloniex.limits import Limits
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner

ROOT = str(Path(__file__).resolve().parents[2])
SYMBOLS = ("BTC_USDT", "ETH_USDT")
ACCOUNTS = ("paper", "spot")
ENDED = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")
#: One kill in so many falls while the engine starts, not while it trades.
STARTING = 5
PATIENCE_SECONDS = 120.0


@dataclass
class Told:
    """What an engine answered, and what became of it."""

    orders: dict[str, str] = field(default_factory=dict)
    """Account by id of every order whose placing was answered."""
    ended: dict[str, str] = field(default_factory=dict)
    fills: set[str] = field(default_factory=set)
    kills: int = 0
    killed_starting: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    back: dict[str, list[float]] = field(default_factory=lambda: {account: [] for account in ACCOUNTS})
    """Seconds from the start of the process to the first order answered as placed, by account."""
    found: list[str] = field(default_factory=list)
    at_exchange: int = 0
    traded: int = 0


class Desk:
    """One home, one exchange, one engine after the other."""

    def __init__(self, seed: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="pk"))
        self.home = Home.at(self.root)
        self.chance = random.Random(seed)
        self.seed = seed
        self.told = Told()
        self._engine: asyncio.subprocess.Process | None = None

    # -- the process ----------------------------------------------------------------------------------------------

    async def start(self) -> float:
        """A new engine; when it was begun."""
        begun = time.monotonic()
        with open(self.root / "engine.out", "ab") as log:
            self._engine = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "polotui.engine", "run", "--home", str(self.root), "--demo"),
                *("--seed", str(self.seed), "--symbols", "4"),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        return begun

    async def attach(self) -> SocketLink:
        assert self._engine is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await SocketLink.connect(self.home.socket, face="test")
                except PolotuiError:
                    if self._engine.returncode is not None:
                        words = (self.root / "engine.out").read_text(errors="replace")[-2_000:]
                        raise AssertionError(f"the engine ended with {self._engine.returncode}: {words}") from None
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        assert self._engine is not None
        with contextlib.suppress(ProcessLookupError):
            self._engine.send_signal(signal.SIGKILL)
        await self._engine.wait()
        self.told.kills += 1

    async def clean_up(self) -> None:
        if self._engine is not None and self._engine.returncode is None:
            self._engine.kill()
            await self._engine.wait()
        with contextlib.suppress(OSError, ValueError, KeyError):
            spawn.terminate(json.loads((self.home.data / "simulator.json").read_text())["pid"])
        self.home.socket.unlink(missing_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)

    # -- what its user does ---------------------------------------------------------------------------------------

    async def trade(self, link: SocketLink, account: str, begun: float) -> None:
        """Orders on one account until the engine is gone."""
        told, answered = self.told, False
        while True:
            act = self.chance.random()
            if act < 0.15:
                for row in (await link.call(ListFills(account=account, limit=200))).fills:
                    told.fills.add(row.id)
            elif act < 0.3:
                rows = (await link.call(ListOrders(account=account, limit=200))).orders
                told.ended |= {row.id: row.state for row in rows if row.state in ENDED}
                if resting := [row.id for row in rows if row.state not in ENDED]:
                    await _cancel(link, self.chance.choice(resting))
            else:
                if await self._place(link, account) and not answered:
                    answered = True
                    told.back[account].append(time.monotonic() - begun)
            await asyncio.sleep(self.chance.random() * 0.1)

    async def _place(self, link: SocketLink, account: str) -> bool:
        symbol, chance = self.chance.choice(SYMBOLS), self.chance.random()
        try:
            last = Fraction(str((await link.call(GetTickers(symbols=[symbol]))).tickers[0].last))
            size = float(self.chance.randint(11, 30) / last)
            if chance < 0.4:
                order = PlaceOrder(
                    symbol=symbol, side="BUY", account=account, amount=str(self.chance.randint(11, 30)),
                    stop=f"{float(last) * 0.97:.2f}", confirmed=True,
                )  # fmt: skip
            elif chance < 0.75:
                order = PlaceOrder(
                    symbol=symbol, side="SELL", account=account, quantity=f"{size:.6f}", confirmed=True
                )  # fmt: skip
            else:
                price = float(last) * (1 - self.chance.random() * 0.02)
                order = PlaceOrder(
                    symbol=symbol, side="BUY", type="LIMIT", account=account, quantity=f"{size:.6f}",
                    price=f"{price:.2f}", stop=f"{price * 0.97:.2f}", confirmed=True,
                )  # fmt: skip
            reply = await link.call(order)
        except RemoteError as fault:
            self.told.refused[fault.instance_code] += 1
            return False
        if not reply.placed:
            self.told.refused[reply.decision.code] += 1
            if reply.decision.code == "RISK-PAIR-LOCK":
                # Costs make a run of small trades lose, and a run of losses locks the pair: a person goes on.
                await link.call(LockPair(symbol=symbol, lift=True, reason="The test goes on."))
            return False
        assert reply.order is not None
        self.told.orders[reply.order.id] = account
        return True

    async def life(self) -> None:
        """One engine: it starts, trades, and is killed at a random instant."""
        begun = await self.start()
        if self.chance.randrange(STARTING) == 0:
            await asyncio.sleep(self.chance.random() * 2.5)
            self.told.killed_starting += 1
            await self.kill()
            return
        link = await self.attach()
        before = {account: len(times) for account, times in self.told.back.items()}
        hands = [asyncio.create_task(self.trade(link, account, begun)) for account in ACCOUNTS]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any(len(self.told.back[account]) == before[account] for account in ACCOUNTS):
                    if any(hand.done() for hand in hands):
                        break
                    await asyncio.sleep(0.01)
            await asyncio.sleep(self.chance.random() * 2.0)
        except TimeoutError:
            self.told.found.append(f"no order was placed within {PATIENCE_SECONDS:.0f} s: {dict(self.told.refused)}")
        early = [hand for hand in hands if hand.done()]
        await self.kill()
        await asyncio.gather(*hands, return_exceptions=True)
        await link.close()
        for hand in early:
            if (fault := hand.exception()) is not None:
                self.told.found.append(f"a hand stopped before the kill: {fault!r}")
        self.compare()

    # -- what must hold -------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """The rows on the disk against what was acknowledged. The engine is dead; SQL alone reads."""
        with contextlib.closing(sqlite3.connect(self.home.ledger)) as ledger:
            intents = {id_ for (id_,) in ledger.execute("SELECT id FROM intents")}
            fills = {id_ for (id_,) in ledger.execute("SELECT id FROM fills")}
            states = dict(ledger.execute("SELECT order_id, state FROM order_events ORDER BY number"))
        told = self.told
        told.found += [f"order {id_} was acknowledged and is lost" for id_ in told.orders.keys() - intents]
        told.found += [f"fill {id_} was acknowledged and is lost" for id_ in told.fills - fills]
        told.found += [
            f"order {id_} was told {state} and is {states.get(id_)}"
            for id_, state in told.ended.items()
            if states.get(id_) not in ENDED
        ]

    async def settle(self) -> None:
        """A last engine finishes what was open; then its books and the exchange's are laid side by side."""
        await self.start()
        link = await self.attach()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (open_ := (await link.call(ListOrders(account="spot", open=True))).orders) or not (
                await self._reconciled(link)
            ):
                for row in open_:
                    await _cancel(link, row.id)
                await asyncio.sleep(0.3)
        verified = await link.call(VerifyAudit())
        if not verified.ok:
            self.told.found += [f"audit: {words}" for words in verified.problems]
        orders, fills = await self._exchange()
        await link.close()
        with contextlib.closing(sqlite3.connect(self.home.ledger)) as ledger:
            stored = list(ledger.execute("SELECT order_id, price, quantity, fee FROM fills WHERE account LIKE 'spot%'"))
            intents = {id_ for (id_,) in ledger.execute("SELECT id FROM intents WHERE account LIKE 'spot%'")}
        self.told.at_exchange, self.told.traded = len(orders), len(fills)
        for id_, count in Counter(order.client_id for order in orders).items():
            if count > 1:
                self.told.found.append(f"{count} orders with the id {id_} are at the exchange")
            if id_ not in intents:
                self.told.found.append(f"order {id_} is at the exchange without an intent")
        mine = Counter((id_, Fraction(price), Fraction(size), Fraction(fee)) for id_, price, size, fee in stored)
        theirs = Counter((f.client_id, Fraction(f.price), Fraction(f.quantity), Fraction(f.fee)) for f in fills)
        self.told.found += [f"fill at the exchange that the ledger lacks: {row}" for row in theirs - mine]
        self.told.found += [f"fill in the ledger that the exchange lacks: {row}" for row in mine - theirs]

    async def _reconciled(self, link: SocketLink) -> bool:
        """The account at the exchange takes orders again: a new one is answered as placed."""
        return await self._place(link, "spot")

    async def _exchange(self) -> tuple[list[Order], list[Fill]]:
        """All orders and trades of the exchange's account, page by page."""
        found = await demo.ensure(self.home, [])
        clock = SystemClock()
        rest = SpotRest(
            clock=clock, chance=Chance(), base_url=found.rest_url,
            signer=SecretSigner(demo.KEY, demo.SECRET.encode()), limits=Limits(clock, share=1.0),
            settings=RestSettings(request_s=10),
        )  # fmt: skip
        try:
            orders: dict[str, Order] = {order.id: order for order in await rest.open_orders(limit=100)}
            page, last = await rest.order_history(limit=100), ""
            while page and page[-1].id != last:
                orders |= {order.id: order for order in page}
                last = page[-1].id
                page = await rest.order_history(limit=100, **{"from": last, "direction": "PRE"})
            fills: dict[str, Fill] = {}
            rows = await rest.fills(limit=100)
            while rows and rows[-1].id not in fills:
                fills |= {fill.id: fill for fill in rows}
                rows = await rest.fills(limit=100, **{"from": rows[-1].page_id, "direction": "PRE"})
            return list(orders.values()), list(fills.values())
        finally:
            await rest.close()


async def _cancel(link: SocketLink, order: str) -> None:
    try:
        await link.call(CancelOrder(order=order))
    except PolotuiError as error:
        # It has ended since it was listed.
        if "There is no open order" not in error.cause:
            raise


def run(kills: int, seed: int) -> Told:
    """So many kills in one home."""

    async def work() -> Told:
        desk = Desk(seed)
        try:
            while desk.told.kills < kills and not desk.told.found:
                await desk.life()
            if not desk.told.found:
                await desk.settle()
            return desk.told
        finally:
            await desk.clean_up()

    return asyncio.run(work())


def words(told: Told) -> str:
    back = "; ".join(
        f"{account} {statistics.median(times):.2f} s (median), {max(times):.2f} s (worst)"
        for account, times in told.back.items()
        if times
    )
    return (
        f"{told.kills} kills, {told.killed_starting} of them while it started: {len(told.orders)} orders, "
        f"{len(told.fills)} fills and {len(told.ended)} ends acknowledged; at the exchange {told.at_exchange} orders, "
        f"{told.traded} trades.\nFrom its start to the first order placed: {back}\nrefused: {dict(told.refused)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--homes", type=int, default=1)
    options = parser.parse_args()
    os.environ.setdefault("POLOTUI_KERNEL_CACHE", str(Path(tempfile.gettempdir()) / "polotui-kills-kernels"))
    share = -(-options.kills // options.homes)
    with ProcessPoolExecutor(options.homes) as pool:
        results = list(pool.map(run, [share] * options.homes, range(options.seed, options.seed + options.homes)))
    for told in results:
        print(words(told))
        print(*told.found[:20], sep="\n")
    return 1 if any(told.found for told in results) else 0


if __name__ == "__main__":
    sys.exit(main())
