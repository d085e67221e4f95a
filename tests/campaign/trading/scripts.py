"""Short runs with a plot, to be cut off at every step: each does one thing that must survive the engine's death.

A script begins on an open desk. What it asks ends with the engine; what it expects afterwards is asked of the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from polotui.api import commands as c
from polotui.api import lab_commands as lc
from polotui.api import risk_commands as rc
from polotui.api import trade_commands as tc
from polotui.core import halt
from polotui.simulator.faults import Rule
from polotui.trading.protection import Protection
from tests.campaign.trading.desk import Desk
from tests.campaign.trading.documents import TEXTS
from tests.campaign.trading.seen import Seen

BTC = "BTC_USDT"
Plot = Callable[[Desk, dict[str, Any]], Awaitable[None]]
Check = Callable[[Desk, dict[str, Any], Seen], None]


@dataclass(frozen=True)
class Script:
    """`check` looks at what the next engine made of it; it is given what the plot noted before it was cut off."""

    plot: Plot
    check: Check
    seed: int
    signed: bool


SCRIPTS: dict[str, Script] = {}


def script(
    seed: int = 1, *, signed: bool = False, check: Check = lambda desk, noted, seen: None
) -> Callable[[Plot], Plot]:
    def register(plot: Plot) -> Plot:
        SCRIPTS[plot.__name__.replace("_", " ")] = Script(plot, check, seed, signed)
        return plot

    return register


def price(desk: Desk, symbol: str = BTC) -> Decimal:
    mark = desk.trading.markets.mark(symbol)
    assert mark is not None
    return mark.price


def below(desk: Desk, share: str = "0.97") -> str:
    return f"{price(desk) * Decimal(share):.2f}"


def held(desk: Desk, account: str = "paper", symbol: str = BTC) -> bool:
    return not desk.trading.is_dust(desk.trading.portfolio.position(account, symbol))


async def buy(desk: Desk, amount: str, account: str = "paper") -> Any:
    command = tc.PlaceOrder(
        account=account, symbol=BTC, side="BUY", amount=amount, stop=below(desk), confirmed=True, caller="person"
    )
    return await desk.engine.handle(command)


def reach_stop(desk: Desk, account: str, symbol: str, bot: int = 0) -> None:
    """The price falls through the stop, in effect."""
    desk.trading.guards.protector.protect(
        Protection(account=account, symbol=symbol, bot=bot, stop=price(desk, symbol) * 2)
    )


def an_acknowledged_order_is_there(desk: Desk, noted: dict[str, Any], seen: Seen) -> None:
    for order_id in noted.get("placed", ()):
        if order_id not in desk.tail.read().orders:
            seen.find("acknowledged_is_durable", f"{order_id} was acknowledged and is gone")


# -- by hand --------------------------------------------------------------------------------------------------------


@script(check=an_acknowledged_order_is_there)
async def market_order_and_close(desk: Desk, noted: dict[str, Any]) -> None:
    placed = await buy(desk, "150")
    noted["placed"] = [placed.order.id]
    await asyncio.sleep(2)
    closed = await desk.engine.handle(tc.ClosePosition(account="paper", symbol=BTC, caller="person"))
    noted["placed"].append(closed.order.id)
    await asyncio.sleep(1)


@script(seed=3, check=an_acknowledged_order_is_there)
async def limit_order_partly_filled_then_cancelled(desk: Desk, noted: dict[str, Any]) -> None:
    """It takes what stands at its price and rests with the rest."""
    book = desk.trading.markets.book(BTC)
    assert book is not None
    ask = book.best_ask()
    assert ask is not None
    command = tc.PlaceOrder(
        symbol=BTC, side="BUY", type="LIMIT", price=f"{ask[0]:.2f}", quantity=f"{ask[1] + 0.01:.6f}",
        stop=below(desk), confirmed=True, caller="person",
    )  # fmt: skip
    placed = await desk.engine.handle(command)
    noted["placed"] = [placed.order.id]
    await asyncio.sleep(0.2)
    order = desk.trading.gateway.blotter.get(placed.order.id)
    assert order is not None
    assert order.filled
    assert not order.final
    await desk.engine.handle(tc.CancelOrder(order=placed.order.id, caller="person"))
    await asyncio.sleep(1)


@script()
async def a_stop_order_of_a_person(desk: Desk, noted: dict[str, Any]) -> None:
    """Placed at the venue, and fired by the next trade below it."""
    await buy(desk, "150")
    quantity = desk.trading.portfolio.position("paper", BTC).quantity / 2
    stop = f"{price(desk) * Decimal('0.99995'):.2f}"
    command = tc.PlaceOrder(
        symbol=BTC, side="SELL", type="STOP", quantity=f"{quantity:.6f}", stop=stop, caller="person"
    )
    await desk.engine.handle(command)
    await desk.until(lambda: not desk.trading.gateway.blotter.open(), 120, what="the stop order fires")


@script()
async def a_stop_that_is_edited_and_reached(desk: Desk, noted: dict[str, Any]) -> None:
    await buy(desk, "200")
    edit = tc.EditProtection(account="paper", symbol=BTC, stop=below(desk, "0.98"), target="none", caller="person")
    await desk.engine.handle(edit)
    reach_stop(desk, "paper", BTC)
    await desk.until(lambda: not held(desk), 30)
    await asyncio.sleep(1)


# -- bots -----------------------------------------------------------------------------------------------------------


async def _bot(desk: Desk, venue: str = "paper") -> int:
    await desk.engine.handle(lc.SaveStrategy(text=TEXTS["hasty"]))
    command: Any = tc.StartBot(strategy="hasty", capital="900", venue=venue, caller="person")
    return int((await desk.engine.handle(command)).bot.id)


async def _position(desk: Desk, account: str) -> Any:
    """The bot's first one that is protected, when the bot is done with it."""

    def protected() -> list[Any]:
        places = desk.trading.portfolio.positions(account)
        return [p for p in places if not desk.trading.is_dust(p) and desk.trading.guards.of(p.account, p.symbol)]

    def whole() -> bool:
        """A bar that is late brings the bot back to its own stop."""
        live = desk.trading.bots.live(int(account.rpartition("-")[2]))
        bot = live.bot if live is not None else None
        return bot is not None and all(hand.bar_ms == bot.bar_ms for hand in bot.hands.values())

    await desk.until(protected, 600, what="the bot enters")
    await desk.until(whole, 60, what="the bars of the moment are there")
    await asyncio.sleep(2)
    return protected()[0]


@script(seed=2)
async def bot_entry_then_stop(desk: Desk, noted: dict[str, Any]) -> None:
    number = await _bot(desk)
    position = await _position(desk, f"paper/bot-{number}")
    reach_stop(desk, position.account, position.symbol, number)
    await desk.until(lambda: not held(desk, position.account, position.symbol), 30)
    await asyncio.sleep(3)


@script(seed=2)
async def bot_entry_then_target(desk: Desk, noted: dict[str, Any]) -> None:
    number = await _bot(desk)
    position = await _position(desk, f"paper/bot-{number}")
    guards = desk.trading.guards
    standing = guards.of(position.account, position.symbol)
    assert standing is not None
    target = price(desk, position.symbol) * Decimal("0.999")
    guards.protector.protect(
        Protection(account=position.account, symbol=position.symbol, bot=number, stop=standing.stop, target=target)
    )
    await desk.until(lambda: not held(desk, position.account, position.symbol), 30)
    await asyncio.sleep(3)


@script(seed=2)
async def bot_started_paused_and_stopped_with_its_capital(desk: Desk, noted: dict[str, Any]) -> None:
    number = await _bot(desk)
    await desk.engine.handle(tc.PauseBot(bot=number, caller="person"))
    await desk.engine.handle(tc.PauseBot(bot=number, resume=True, caller="person"))
    await _position(desk, f"paper/bot-{number}")
    await desk.engine.handle(tc.StopBot(bot=number, close=True, caller="person"))
    await asyncio.sleep(3)


@script(seed=2, signed=True)
async def bot_on_the_exchange_with_its_entry_and_stop(desk: Desk, noted: dict[str, Any]) -> None:
    number = await _bot(desk, "exchange")
    position = await _position(desk, f"spot/bot-{number}")
    reach_stop(desk, position.account, position.symbol, number)
    await desk.until(lambda: not held(desk, position.account, position.symbol), 60)
    await asyncio.sleep(3)


# -- the desk -------------------------------------------------------------------------------------------------------


def _stays_halted(desk: Desk, noted: dict[str, Any], seen: Seen) -> None:
    if noted.get("halted") and not noted.get("resumed") and halt.is_halted(desk.home) is None:
        seen.find("halted_means_halted", "a halt that was acknowledged did not survive")


@script(check=_stays_halted)
async def halt_in_the_middle(desk: Desk, noted: dict[str, Any]) -> None:
    """With one order resting and one on its way."""
    await buy(desk, "100")
    rest = tc.PlaceOrder(
        symbol=BTC, side="BUY", type="LIMIT", price=below(desk, "0.99"), amount="90", stop=below(desk, "0.9"),
        confirmed=True, caller="person",
    )  # fmt: skip
    await desk.engine.handle(rest)
    under_way = asyncio.create_task(buy(desk, "80"))
    await asyncio.sleep(0.01)
    await desk.engine.handle(rc.Halt(reason="a test", caller="person"))
    noted["halted"] = True
    await asyncio.gather(under_way, return_exceptions=True)
    await buy(desk, "70")
    await asyncio.sleep(2)
    noted["resumed"] = True
    await desk.engine.handle(rc.Resume(words="RESUME", caller="person"))
    await asyncio.sleep(1)


def _latch_holds(desk: Desk, noted: dict[str, Any], seen: Seen) -> None:
    if noted.get("latched") and not desk.trading.latches.is_set("daily-loss"):
        seen.find("latches_are_monotone", "the latch of the day did not survive")


@script(check=_latch_holds)
async def the_latch_of_the_day_trips(desk: Desk, noted: dict[str, Any]) -> None:
    """A loss that is real is made by fees; the account is flattened and stays closed for the day."""
    await desk.engine.handle(rc.SetLimits(changes={"daily_loss": "0.1 %"}, caller="person"))
    for _ in range(6):
        await buy(desk, "1700")
        await desk.engine.handle(tc.ClosePosition(account="paper", symbol=BTC, caller="person"))
        await asyncio.sleep(3)
        if desk.trading.latches.is_set("daily-loss"):
            break
    await desk.until(lambda: desk.trading.latches.is_set("daily-loss"), 30)
    noted["latched"] = True
    await asyncio.sleep(5)
    # A step to die at, long after the latch was set.
    await desk.engine.handle(c.PaperDeposit(currency="USDT", amount="10"))
    await asyncio.sleep(1)


# -- the exchange ---------------------------------------------------------------------------------------------------


@script(seed=4, signed=True, check=an_acknowledged_order_is_there)
async def an_order_at_the_exchange_whose_answer_is_lost(desk: Desk, noted: dict[str, Any]) -> None:
    lost = Rule(kind="lost", method="POST", path="/orders", effect="after", times=1)
    desk.simulator.faults.load([lost])
    placed = await buy(desk, "60", "spot")
    if placed.order is not None:
        noted["placed"] = [placed.order.id]
    await desk.until(lambda: held(desk, "spot"), 60)
    rest = tc.PlaceOrder(
        account="spot", symbol=BTC, side="BUY", type="LIMIT", price=below(desk, "0.99"), amount="50",
        stop=below(desk, "0.9"), confirmed=True, caller="person",
    )  # fmt: skip
    resting = await desk.engine.handle(rest)
    desk.simulator.faults.load([Rule(kind="lost", method="DELETE", path="/orders", effect="before", times=1)])
    if resting.order is not None:
        await desk.engine.handle(tc.CancelOrder(order=resting.order.id, caller="person"))
    await desk.engine.handle(tc.ClosePosition(account="spot", symbol=BTC, caller="person"))
    await asyncio.sleep(5)
