"""What a person does at the desk: orders of every kind, cancels, edits, halts, bots; at random, from the seed.

Decided here: a person asks the engine in its own words and takes no for an answer. What the product refuses with an
error of its own kind is noted; any other error is a finding. A person mends what blocks for ever: lifts locks, replaces
bots that lost too often, resumes after a halt.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from polotui.api import commands as c
from polotui.api import lab_commands as lc
from polotui.api import risk_commands as rc
from polotui.api import trade_commands as tc
from polotui.core import halt
from polotui.core.errors import PolotuiError
from polotui.engine.engine import Engine
from tests.campaign.trading.documents import NAMES, TEXTS

SYMBOLS = ("BTC_USDT", "ETH_USDT", "SOL_USDT")
PAUSE_SECONDS = (1.0, 12.0)
CAPITAL = "900"
READS: tuple[Any, ...] = (
    tc.ListBots(),
    tc.GetPositions(),
    tc.ListOrders(open=True),
    tc.ListFills(),
    tc.ListTrades(),
    tc.ListSignals(),
    tc.GetFeed(),
    tc.GetJournal(),
    rc.GetRisk(),
    rc.GetRiskReport(),
    rc.ListAlerts(),
    rc.GetBoard(),
    rc.ListAudit(),
    rc.GetRiskHistory(),
    c.GetStatus(),
    c.GetHealth(),
    c.GetAccounts(),
)


@dataclass
class Diary:
    """What people did and were told, over all lives of a run."""

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broke: list[str] = field(default_factory=list)
    #: Ids of orders that the engine acknowledged.
    placed: list[str] = field(default_factory=list)
    saved: bool = False
    #: The last word of a person about halting: (time, halted).
    halts: list[tuple[float, bool]] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    latches: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)


class Person:
    """Somebody at the desk during one life of the engine."""

    def __init__(self, engine: Engine, rng: random.Random, diary: Diary, *, signed: bool = False) -> None:
        self.engine = engine
        self.rng = rng
        self.diary = diary
        self.accounts = ("paper", "spot") if signed else ("paper",)

    async def ask(self, command: Any) -> Any:
        """One use case. None when it was refused."""
        name = type(command).__name__
        self.diary.asked[name] += 1
        try:
            return await self.engine.handle(command)
        except PolotuiError as error:
            self.diary.refused[f"{name}: {error.instance_code}: {error.cause[:90]}"] += 1
        except (asyncio.CancelledError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - a use case that breaks is a finding
            if isinstance(error, OSError) and error.errno == 5 and "the process is dead" in str(error):
                return None  # its process died while it asked
            self.diary.broke.append(f"{name}: {type(error).__name__}: {error}")
        return None

    async def prepare(self) -> None:
        """Strategies and bots, once a run."""
        await asyncio.sleep(10)
        if self.diary.saved:
            return
        for text in TEXTS.values():
            await self.ask(lc.SaveStrategy(text=text))
        for name in NAMES:
            await self.ask(tc.StartBot(strategy=name, capital=CAPITAL, venue=self._venue(), caller="person"))
        self.diary.saved = True

    def _venue(self) -> Any:
        return "exchange" if len(self.accounts) > 1 and self.rng.random() < 0.3 else "paper"

    async def work(self) -> None:
        """Until the engine dies or the run is over."""
        await self.prepare()
        wishes = (
            (self.buy, 8), (self.rest, 8), (self.sell, 5), (self.stop_order, 3), (self.cancel, 5), (self.edit, 5),
            (self.close, 4), (self.pause, 2), (self.stop_bot, 1), (self.start_bot, 3), (self.halt, 1), (self.look, 6),
            (self.limits, 1), (self.mend, 4), (self.lock, 1), (self.deposit, 1), (self.flatten, 0.3),
            (self.outside_halt, 0.5), (self.verify, 0.3),
        )  # fmt: skip
        does, weights = zip(*wishes, strict=True)
        while True:
            await asyncio.sleep(self.rng.uniform(*PAUSE_SECONDS))
            await self.rng.choices(does, weights)[0]()

    # -- orders ---------------------------------------------------------------------------------------------------

    def price(self, symbol: str) -> float | None:
        trading = self.engine.trading
        mark = trading.markets.mark(symbol) if trading is not None and trading.started else None
        return float(mark.price) if mark is not None else None

    def _text(self, symbol: str, price: float) -> str:
        trading = self.engine.trading
        assert trading is not None
        return f"{price:.{trading.scales(symbol)[0]}f}"

    async def _place(self, **words: Any) -> None:
        words.setdefault("account", self.rng.choice(self.accounts))
        placed = await self.ask(tc.PlaceOrder(caller="person", **words))
        if placed is not None and placed.placed and placed.order is not None:
            self.diary.placed.append(placed.order.id)
        elif placed is not None:
            self.diary.codes[placed.decision.code] += 1

    async def buy(self) -> None:
        symbol = self.rng.choice(SYMBOLS)
        price = self.price(symbol)
        if price is None:
            return
        stop = self._text(symbol, price * self.rng.uniform(0.985, 0.999))
        target = self._text(symbol, price * self.rng.uniform(1.02, 1.04)) if self.rng.random() < 0.5 else ""
        amount = f"{self.rng.uniform(5, 400):.2f}"
        await self._place(
            symbol=symbol, side="BUY", amount=amount, stop=stop, target=target, confirmed=self.rng.random() < 0.5
        )

    async def rest(self) -> None:
        """A limit order near the book; sometimes it takes at once."""
        symbol = self.rng.choice(SYMBOLS)
        price = self.price(symbol)
        if price is None:
            return
        side = self.rng.choice(("BUY", "SELL"))
        away = self.rng.uniform(-0.0005, 0.003) * (-1 if side == "BUY" else 1)
        at = price * (1 + away)
        words: dict[str, Any] = {"symbol": symbol, "side": side, "type": self.rng.choice(("LIMIT", "LIMIT_MAKER"))}
        if side == "BUY":
            words |= {"amount": f"{self.rng.uniform(20, 500):.2f}", "stop": self._text(symbol, at * 0.99)}
        else:
            account = self.rng.choice(self.accounts)
            held = self._held(account, symbol)
            if held <= 0:
                return
            words |= {"account": account, "quantity": f"{held * self.rng.uniform(0.2, 1.0):.6f}"}
        if self.rng.random() < 0.4:
            words["expire_s"] = self.rng.randint(5, 240)
        if words["type"] == "LIMIT" and self.rng.random() < 0.2:
            words["time_in_force"] = self.rng.choice(("IOC", "FOK"))
        await self._place(price=self._text(symbol, at), confirmed=True, **words)

    def _held(self, account: str, symbol: str) -> float:
        trading = self.engine.trading
        if trading is None or not trading.started:
            return 0.0
        return float(trading.portfolio.position(account, symbol).quantity)

    async def sell(self) -> None:
        symbol, account = self.rng.choice(SYMBOLS), self.rng.choice(self.accounts)
        held = self._held(account, symbol)
        if held > 0:
            quantity = f"{held * self.rng.uniform(0.1, 1.2):.6f}"
            await self._place(account=account, symbol=symbol, side="SELL", quantity=quantity)

    async def stop_order(self) -> None:
        symbol = self.rng.choice(SYMBOLS)
        held, price = self._held("paper", symbol), self.price(symbol)
        if held > 0 and price is not None:
            stop = self._text(symbol, price * self.rng.uniform(0.99, 0.9995))
            quantity = f"{held * 0.5:.6f}"
            await self._place(account="paper", symbol=symbol, side="SELL", type="STOP", quantity=quantity, stop=stop)

    async def cancel(self) -> None:
        trading = self.engine.trading
        if trading is None or not trading.started:
            return
        orders = [order.terms.id for order in trading.gateway.blotter.open()]
        if self.rng.random() < 0.1:
            await self.ask(tc.CancelOrder(all=True, caller="person"))
        elif orders:
            await self.ask(tc.CancelOrder(order=self.rng.choice(orders), caller="person"))

    # -- positions ------------------------------------------------------------------------------------------------

    def _positions(self) -> list[Any]:
        trading = self.engine.trading
        if trading is None or not trading.started:
            return []
        return [p for p in trading.portfolio.positions() if not trading.is_dust(p)]

    async def edit(self) -> None:
        held = self._positions()
        if not held:
            return
        position = self.rng.choice(held)
        price = self.price(position.symbol)
        if price is None:
            return
        stop = self._text(position.symbol, price * self.rng.uniform(0.985, 0.9995))
        target = self._text(position.symbol, price * self.rng.uniform(1.001, 1.02)) if self.rng.random() < 0.4 else ""
        await self.ask(
            tc.EditProtection(
                account=position.account, symbol=position.symbol, stop=stop, target=target, caller="person"
            )
        )

    async def close(self) -> None:
        held = self._positions()
        if held:
            position = self.rng.choice(held)
            await self.ask(tc.ClosePosition(account=position.account, symbol=position.symbol, caller="person"))

    async def flatten(self) -> None:
        await self.ask(rc.Flatten(words="FLATTEN", caller="person"))

    # -- bots -----------------------------------------------------------------------------------------------------

    def _bots(self) -> list[int]:
        trading = self.engine.trading
        return [live.stored.id for live in trading.bots.running()] if trading is not None and trading.started else []

    async def pause(self) -> None:
        if bots := self._bots():
            number = self.rng.choice(bots)
            await self.ask(tc.PauseBot(bot=number, caller="person"))
            await asyncio.sleep(self.rng.uniform(1, 60))
            await self.ask(tc.PauseBot(bot=number, resume=True, caller="person"))

    async def stop_bot(self) -> None:
        if bots := self._bots():
            await self.ask(tc.StopBot(bot=self.rng.choice(bots), close=self.rng.random() < 0.6, caller="person"))

    async def start_bot(self) -> None:
        if len(self._bots()) < 3:
            command = tc.StartBot(
                strategy=self.rng.choice(NAMES), capital=CAPITAL, venue=self._venue(), caller="person"
            )
            await self.ask(command)

    # -- the desk -------------------------------------------------------------------------------------------------

    async def halt(self) -> None:
        await self.ask(rc.Halt(reason="a bad feeling", caller="person"))
        await self._and_resume()

    async def outside_halt(self) -> None:
        """`polotui halt` from another terminal: only the flag."""
        halt.halt(self.engine.home, "from outside", "person", self.engine.clock)
        await self._and_resume()

    async def _and_resume(self) -> None:
        await asyncio.sleep(self.rng.uniform(1, 40))
        await self.resume()

    async def resume(self) -> None:
        await self.ask(rc.Resume(words="RESUME", caller="person"))

    async def look(self) -> None:
        await self.ask(self.rng.choice(READS))

    async def verify(self) -> None:
        await self.ask(rc.VerifyAudit())

    async def limits(self) -> None:
        changes = {"max_position": self.rng.choice(("8 %", "12 %", "20 %")), "orders_per_second": "4"}
        await self.ask(rc.SetLimits(changes=changes, reason="a person's whim", caller="person"))

    async def lock(self) -> None:
        await self.ask(rc.LockPair(symbol=self.rng.choice(SYMBOLS), hours=0.05, reason="too wild", caller="person"))

    async def deposit(self) -> None:
        await self.ask(c.PaperDeposit(currency="USDT", amount=f"{self.rng.uniform(1, 300):.2f}"))

    async def mend(self, *, every: bool = False) -> None:
        """What would block for ever is lifted; with `every` also what would block for a while."""
        trading = self.engine.trading
        if trading is None or not trading.started:
            return
        for row in trading.locks.rows():
            if row.code != "PAIR-BY-HAND" or every:
                await self.ask(rc.LockPair(symbol=row.symbol, lift=True, reason="go on", caller="person"))
        for latch in trading.latches.active():
            self.diary.cleared.append(latch.name)
            self.diary.latches[f"{latch.name}: {latch.reason[:80]}"] += 1
            words = trading.monitor.override_words(latch.name)
            await self.ask(rc.ClearLatch(name=latch.name, words=words, reason="seen and judged", caller="person"))
        for live in trading.bots.running():
            if trading.view.consecutive_losses.get(live.stored.id, 0) >= 8:
                await self.ask(tc.StopBot(bot=live.stored.id, close=True, caller="person"))
        await self.ask(rc.AcknowledgeAlert(caller="person"))
        if halt.is_halted(self.engine.home) is not None:
            await self.resume()


__all__ = ["CAPITAL", "SYMBOLS", "Diary", "Person"]
