"""A desk whose engine dies at a chosen event, and a driver that starts it again from what was stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.orders import FINAL, Execution, OrderTerms, OrderType
from polotui.risk.values import Asked
from polotui.strategy.runtime.columns import Bars
from polotui.trading.bots.bot import Bot, SentOrder, Told
from polotui.trading.bots.keeper import OcoKeeper
from polotui.trading.bots.replay import Moment, moments
from polotui.trading.bots.steps import exact
from polotui.trading.paper.bar import BarVenue, Reached
from tests.trading.parity.desk import MemoryDesk, Went
from tests.trading.parity.runs import Case, bot_terms, venue_of


class Died(Exception):
    """The engine is gone."""


class CrashingDesk(MemoryDesk):
    """Dies at the events whose numbers are in `deaths`. What the venue has begun it finishes."""

    deaths: frozenset[int] = frozenset()
    events = 0
    alive = True
    saves_on_fill = True
    saved: str = ""

    def event(self) -> None:
        self.events += 1
        if self.events in self.deaths:
            self.alive = False
            self.bot = self.keeper = None

    def check(self) -> None:
        if not self.alive:
            raise Died

    async def submit(self, asked: Asked, caller: str = "") -> Went:
        self.event()
        self.check()
        went = await super().submit(asked, caller)
        self.event()
        self.check()
        return went

    async def cancel(self, order_id: str, reason: str = "") -> None:
        self.event()
        self.check()
        await super().cancel(order_id, reason)

    async def on_fill(self, execution: Execution) -> None:
        await super().on_fill(execution)
        self.event()
        if self.bot is not None and self.saves_on_fill:
            self.save()

    def save(self) -> None:
        assert self.bot is not None
        self.saved = json.dumps(self.bot.state())


class Guarded:
    """The venue, which tests each symbol once a moment, whoever asks again."""

    def __init__(self, venue: BarVenue, desk: CrashingDesk) -> None:
        self._venue, self._desk = venue, desk
        self._done: set[tuple[str, str]] = set()

    def begin(self, moment: Moment) -> None:
        self._done.clear()
        self._venue.begin(*moment)

    async def inside(self, account: str, symbol: str) -> list[Reached]:
        self._desk.check()
        if ("inside", symbol) in self._done:
            return []
        self._done.add(("inside", symbol))
        reached = await self._venue.inside(account, symbol)
        self._desk.check()
        return reached


def start(case: Case, desk: CrashingDesk, clock: FrozenClock, until_ms: int) -> Bot:
    """The engine starts: the bot from its stored state, if there is one."""
    desk.alive = True
    chance = Chance(f"{case.name} {desk.events}")
    keeper = OcoKeeper(desk, clock, chance)
    state: dict[str, Any] = json.loads(desk.saved) if desk.saved else {}
    last = state["bar_ms"] if state else 0
    known = {symbol: _until(bars, last, until_ms) for symbol, bars in case.bars.items()}
    bot = Bot(
        bot_terms(case), case.bound, histories=known, steps=case.steps, orders=desk, keeper=keeper, purse=desk,
        clock=clock, chance=chance,
    )  # fmt: skip
    if state:
        bot.restore(state, sent_orders(desk), told(desk))
    for terms in open_orders(desk):
        if terms.reduces and terms.type is not OrderType.MARKET:
            filled = sum(e.quantity for t, e in desk.fills if t.id == terms.id)
            assert terms.quantity is not None
            keeper.adopt(terms, terms.quantity - filled)
    desk.bot, desk.keeper = bot, keeper
    return bot


def _until(bars: Bars, last_ms: int, first_ms: int) -> Bars:
    """History up to the last decided bar, or up to where trading begins."""
    end = last_ms + 1 if last_ms else first_ms
    return bars.slice(0, int((bars.time < end).sum()))


def open_orders(desk: MemoryDesk) -> list[OrderTerms]:
    return [terms for id_, terms in desk.orders.items() if desk.states[id_] not in FINAL]


def told(desk: MemoryDesk) -> list[Told]:
    return [Told(number, fill, terms, fill.at_ms) for number, (terms, fill) in enumerate(desk.fills, 1)]


def sent_orders(desk: MemoryDesk) -> list[SentOrder]:
    return [SentOrder(terms, desk.states[id_], desk.codes.get(id_, "")) for id_, terms in desk.orders.items()]


async def run(case: Case, deaths: Sequence[int], *, saves_on_fill: bool = True, most: int = 10**9) -> CrashingDesk:
    """A whole replay in which the engine dies again and again."""
    desk, clock = CrashingDesk(exact(case.settings.capital)), FrozenClock()
    desk.deaths, desk.saves_on_fill = frozenset(deaths), saves_on_fill
    venue = Guarded(venue_of(case, desk), desk)
    bot: Bot | None = None
    for moment in list(moments(case.bars, case.settings.from_ms, case.settings.to_ms))[:most]:
        clock.advance((moment[0] - clock.wall_ms()) / 1000)
        venue.begin(moment)
        closed = False
        for _ in range(200):
            try:
                if bot is None or not desk.alive:
                    bot = start(case, desk, clock, case.settings.from_ms)
                    await bot.settle_all()
                if not closed:
                    await _phases(bot, venue, moment, desk)
                    bot.on_moment(*moment)
                    desk.save()
                    closed = True
                desk.event()
                desk.check()
                await bot.settle_all()
                break
            except Died:
                continue
        else:
            raise AssertionError("it never lived through a moment")
    return desk


async def _phases(bot: Bot, venue: Guarded, moment: Moment, desk: CrashingDesk) -> None:
    bot.begin({symbol: bar.open for symbol, bar in moment[1].items()})
    await bot.exits()
    for symbol in bot.hands:
        await bot.enter(symbol)
        desk.save()
        await bot.settle(symbol)
    for symbol in bot.hands:
        for reached in await venue.inside(bot.terms.account, symbol):
            if not reached.filled:
                bot.on_reached(symbol, stop=reached.stop, price=reached.price)
                desk.save()
        await bot.settle(symbol)


def story(desk: MemoryDesk) -> list[tuple[Any, ...]]:
    """What was ordered, without ids."""
    return [
        (t.created_ms, t.symbol, t.side, t.type, t.purpose, t.quantity, t.amount, t.price, t.stop, t.target, t.signal)
        for t in desk.orders.values()
    ]
