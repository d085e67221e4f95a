"""The paper venue and the protector behind the real gateway and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path

import pytest

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.market import Trade
from polotui.model.money import ZERO
from polotui.model.orders import OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.risk.values import Asked
from polotui.storage.database import Database
from polotui.trading import rows
from polotui.trading.gateway import Gateway
from polotui.trading.ledger import Ledger
from polotui.trading.paper import models
from polotui.trading.paper.book import BookVenue
from polotui.trading.paper.models import OpenOrder, PaperSettings
from polotui.trading.portfolio import Portfolio
from polotui.trading.protection import OrderNow, Protection, Stored
from polotui.trading.protector import Protector
from tests.trading.paper.world import FakeMarkets
from tests.trading.test_gateway import make

S = OrderState
BTCS = "BTC_USDT"


@dataclass
class Folds:
    """The paper venue's funds and the protector's holdings: the portfolio, before any hold."""

    portfolio: Portfolio

    def booked(self, account: str, currency: str) -> D:
        return self.portfolio.cash(account).get(currency, ZERO)

    def total(self) -> Mapping[str, D]:
        return self.portfolio.cash("paper")

    def held(self, account: str, symbol: str) -> D:
        return self.booked(account, symbol.split("_")[0])


@dataclass
class Orders:
    gateway: Gateway

    async def submit(self, asked: Asked, caller: str = "") -> object:
        return await self.gateway.submit(asked, caller)

    async def cancel(self, order_id: str, reason: str = "") -> object:
        return await self.gateway.cancel(order_id, reason)

    async def free(self, account: str, symbol: str, reason: str) -> bool:
        return True

    async def ask(self, order_id: str) -> OrderNow | None:
        order = self.gateway.blotter.get(order_id)
        return None if order is None else OrderNow(state=order.state, filled=order.filled, code=order.code)


class Quotes(FakeMarkets):
    def best_bid(self, symbol: str) -> float | None:
        best = self.books[symbol].best_bid()
        return best[0] if best else None

    def last(self, symbol: str) -> float | None:
        return None

    def stamp_ms(self, symbol: str) -> int:
        return self.books[symbol].ts_ms

    async def prices(self, symbols: Sequence[str]) -> Mapping[str, float]:
        return {symbol: bid for symbol in symbols if (bid := self.best_bid(symbol))}


@dataclass
class Told:
    endings: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    def alert(self, code: str, text: str, symbol: str) -> None:
        self.alerts.append(code)

    def ended(self, protection: Protection, why: str) -> None:
        self.endings.append(why)

    def changed(self, stored: Stored) -> None: ...


class Desk:
    def __init__(self, gateway: Gateway, clock: FrozenClock, gate: object) -> None:
        self.gateway, self.told, self.quotes = gateway, Told(), Quotes()
        self.folds = Folds(gateway.portfolio)
        self.venue = BookVenue(
            self.quotes,
            self.folds,
            gateway,
            clock=clock,
            chance=Chance("paper"),
            settings=PaperSettings(latency_ms=1, jitter_ms=0),
            redeem=gateway._gate.redeem,
        )
        gateway.serve(self.venue)
        self.protector = Protector(
            Orders(gateway),  # type: ignore[arg-type]
            self.folds,
            self.quotes,
            self.told,
            clock=clock,
            chance=Chance("protector"),
        )
        self.tasks = [asyncio.create_task(self.venue.run()), asyncio.create_task(self.protector.run())]
        self.show([(99.9, 5.0)], [(100.0, 5.0)])

    def show(self, bids: list[tuple[float, float]], asks: list[tuple[float, float]], ts_ms: int = 1) -> None:
        self.quotes.show(bids, asks, ts_ms)
        self.venue.on_book(BTCS)
        self.protector.on_book(BTCS)

    def trade(self, price: float, quantity: float, *, buy: bool, ts_ms: int = 2) -> None:
        trades = [Trade(1, ts_ms, price, quantity, buy)]
        self.venue.on_trades(BTCS, trades)
        self.protector.on_trades(BTCS, trades)

    def asked(self, id: str, side: Side, type: OrderType, purpose: Purpose = Purpose.ENTRY, **more: object) -> Asked:
        given = {"account": "paper", "symbol": BTCS, "created_ms": 1, "bot": 1}
        return Asked(
            terms=OrderTerms(id=id, side=side, type=type, purpose=purpose, **(given | more)),  # type: ignore[arg-type]
            strategy="ema",
        )

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.gateway.close()


@pytest.fixture
async def desk(database: Database, ledger: Ledger, clock: FrozenClock, tmp_path: Path) -> AsyncIterator[Desk]:
    await ledger.deposit("paper", "USDT", D(10_000))
    made = await make(database, clock, tmp_path)
    desk = Desk(made.gateway, clock, None)
    desk.venue.restore()
    yield desk
    await desk.close()


async def state_of(desk: Desk, order_id: str) -> S:
    await desk.venue.settled()
    order = desk.gateway.blotter.get(order_id)
    assert order is not None
    return order.state


async def until(true: object) -> None:
    for _ in range(2000):
        if true():  # type: ignore[operator]
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to be")


async def test_every_order_ends_in_the_ledger_and_the_money_is_that_of_its_fills(
    desk: Desk, database: Database
) -> None:
    bought = desk.asked("pt-buy", Side.BUY, OrderType.MARKET, amount=D("150.005"))
    assert (await desk.gateway.submit(bought)).state in (S.ACCEPTED, S.PARTIAL, S.FILLED)
    # What is left of the amount buys less than a lot; the order is over all the same.
    assert await state_of(desk, "pt-buy") is S.FILLED
    limit = desk.asked("pt-limit", Side.BUY, OrderType.LIMIT, quantity=D(2), price=D("99.95"))
    await desk.gateway.submit(limit)
    assert await state_of(desk, "pt-limit") is S.ACCEPTED
    desk.trade(99.95, 0.5, buy=False)
    assert await state_of(desk, "pt-limit") is S.PARTIAL
    desk.trade(99.9, 9.0, buy=False, ts_ms=3)
    assert await state_of(desk, "pt-limit") is S.FILLED
    sold = desk.asked("pt-sell", Side.SELL, OrderType.MARKET, Purpose.EXIT, quantity=D(1))
    await desk.gateway.submit(sold)
    assert await state_of(desk, "pt-sell") is S.FILLED
    fold = await database.read(Portfolio.load)
    assert fold.cash("paper") == desk.gateway.portfolio.cash("paper")
    assert fold.cash("paper")["BTC"] == (D("1.5") + 2) * D("0.998") - 1
    assert fold.cash("paper")["USDT"] == 10_000 - 150 - 2 * D("99.95") + D("99.9") * D("0.998")
    assert not desk.venue.holds("paper")
    assert not await database.read(rows.orders_not_final)


async def test_a_stop_is_carried_out_through_the_gate(desk: Desk) -> None:
    await desk.gateway.submit(desk.asked("pt-buy", Side.BUY, OrderType.MARKET, amount=D(100)))
    await desk.venue.settled()
    desk.protector.protect(
        Protection(account="paper", symbol=BTCS, bot=1, strategy="ema", stop=D(95), target=D(110), target_rests=True)
    )
    await until(lambda: any(order.terms.purpose is Purpose.TARGET for order in desk.gateway.blotter.open()))
    desk.show([(94.0, 5.0)], [(94.5, 5.0)], ts_ms=5)
    await until(lambda: desk.told.endings)
    assert desk.told.endings == ["stopped out"]
    # The fee was taken in coins, so what is left is dust below one lot.
    assert desk.folds.held("paper", BTCS) < D("0.0001")
    assert not desk.gateway.blotter.open()
    assert not desk.venue.holds("paper")


async def test_a_restart_takes_up_what_rests_and_what_was_sent(
    desk: Desk, database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    await desk.gateway.submit(desk.asked("pt-rest", Side.BUY, OrderType.LIMIT, quantity=D(2), price=D("99.95")))
    desk.trade(99.95, 0.5, buy=False)
    assert await state_of(desk, "pt-rest") is S.PARTIAL
    await desk.close()
    made = await make(database, clock, tmp_path)
    again = Desk(made.gateway, clock, None)
    orders = await again.gateway.load()
    again.venue.restore([OpenOrder(terms=o.terms, left=o.left, venue_id=o.venue_id) for o in orders])
    assert again.venue.holds("paper") == {"USDT": D("1.5") * D("99.95")}
    again.show([(99.9, 5.0)], [(99.94, 0.25)], ts_ms=9)
    again.trade(99.9, 9.0, buy=False, ts_ms=10)
    assert await state_of(again, "pt-rest") is S.FILLED
    assert (await database.read(Portfolio.load)).cash("paper")["BTC"] == 2 * D("0.998")
    await again.close()


async def test_an_order_without_the_gates_token_does_not_trade(desk: Desk) -> None:
    asked = desk.asked("pt-forged", Side.BUY, OrderType.MARKET, amount=D(100))
    placed = await desk.venue.place(asked.terms, object())
    assert (placed.state, placed.code) == (S.REJECTED, models.NOT_ADMITTED)
    assert not desk.venue.holds("paper")
