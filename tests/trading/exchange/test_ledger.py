"""Through the real gateway into the real ledger: the money agrees with the simulator's and with what ccxt reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.model.orders import OrderState
from polotui.poloniex.signing import SecretSigner
from polotui.risk.values import Asked
from polotui.simulator.config import Config
from polotui.simulator.serve import Simulator
from polotui.trading import rows
from polotui.trading.exchange.desk import ExchangeDesk
from polotui.trading.exchange.reconcile import Reconciler
from polotui.trading.exchange.venue import ExchangeVenue, open_rest
from tests.trading.exchange.bench import KEY, SECRET, Bench, connect
from tests.trading.exchange.ledger_desk import LedgerDesk
from tests.trading.exchange.storm import storm

S = OrderState


@asynccontextmanager
async def trading(folder: Path, **config: Any) -> AsyncIterator[tuple[Bench, LedgerDesk]]:
    """Gateway, ledger and exchange over real sockets, live; the opening balances are booked by the first contact."""
    clock, chance = SystemClock(), Chance("ledger")
    simulator = Simulator(Config(seed=9, **config), clock, chance, 3)
    port = await simulator.start()
    desk = LedgerDesk(clock, chance, folder)
    await desk.open()
    bench = connect(simulator, port, clock, chance, desk=desk)
    desk.gateway.serve(bench.venue)
    try:
        await bench.start()
        reconciler = Reconciler(bench.venue, bench.account, desk.books, clock=clock, chance=chance)
        assert (await reconciler.reconcile()).ok
        yield bench, desk
        assert (await reconciler.reconcile()).ok
    finally:
        await bench.stop()
        await desk.close()


async def trade(bench: Bench, desk: LedgerDesk) -> None:
    """Buys by amount, sells by quantity, rests, cancels, is filled by others."""
    for turn in range(6):
        symbol = ("BTC_USDT", "ETH_USDT", "SOL_USDT")[turn % 3]
        buy = desk.new("BUY", symbol, amount=f"{100 + turn * 17.31:.2f}")
        await bench.submit(buy)
        await settled(bench, buy.id, S.FILLED)
        sell = desk.new("SELL", symbol, quantity="0.0013")
        await bench.submit(sell)
        await settled(bench, sell.id, S.FILLED)
        market = bench.simulator.exchange.market(symbol)
        price = Decimal(market.book.best(1) - 1).scaleb(-market.spec.price_scale)
        rests = desk.new("SELL", symbol, price=str(price), quantity="0.01")
        await bench.submit(rests)
        bench.simulator.exchange.background_take(market, 0, 4_000, None)
        await bench.cancel(rests)
        await settled(bench, rests.id, S.CANCELLED, S.FILLED)


async def settled(bench: Bench, order_id: str, *states: OrderState) -> None:
    await bench.until(lambda: bench.desk.state(order_id) in states)


async def test_the_ledger_the_simulator_and_ccxt_have_the_same_money(tmp_path: Path) -> None:
    ccxt = pytest.importorskip("ccxt.async_support", reason="ccxt comes with the peers extra")
    async with trading(tmp_path, quiet_market=True) as (bench, desk):
        await trade(bench, desk)
        await bench.until(lambda: len(desk.fills) == len(bench.user.fills))
        ours = {name: amount for name, amount in desk.expected().items() if amount}
        assert ours == bench.their_balances()
        assert bench.simulator.exchange.ledger.imbalance() == {}
        # Cash and positions, less fees and deposits: every fill by itself, written apart from the ledger.
        booked = await desk.database.read(lambda c: rows.fills_after(c, 0))
        assert len(booked) == len(bench.user.fills)
        base = f"http://127.0.0.1:{bench.port}"
        peer = ccxt.poloniex(
            {
                "apiKey": KEY,
                "secret": SECRET,
                "urls": {"api": {"spot": base, "swap": base}},
                "enableRateLimit": False,
            }
        )
        try:
            read = await peer.fetch_balance()
            mine = await peer.fetch_my_trades("BTC/USDT")
        finally:
            await peer.close()
        their_text = {
            row["currency"]: Decimal(row["available"]) + Decimal(row["hold"])
            for account in read["info"]
            for row in account["balances"]
        }
        assert their_text == ours
        assert {name: read[name]["total"] for name in ours} == {name: float(amount) for name, amount in ours.items()}
        ids = {fill.id.split(":")[2] for fill in booked if fill.symbol == "BTC_USDT"}
        assert {trade["id"] for trade in mine} == ids


async def test_an_amount_whose_rest_buys_nothing_ends_as_filled(tmp_path: Path) -> None:
    async with trading(tmp_path, quiet_market=True) as (bench, desk):
        buy = desk.new("BUY", amount="50")
        await bench.submit(buy)
        await settled(bench, buy.id, S.FILLED)
        stored = await desk.database.read(lambda c: rows.order_of(c, buy.id))
        assert stored is not None
        assert (stored.state, stored.filled_amount < 50) == (S.FILLED, True)


async def test_the_desk_for_the_engine_says_why_nothing_may_be_entered(tmp_path: Path) -> None:
    clock, chance = SystemClock(), Chance("desk")
    simulator = Simulator(Config(seed=9, quiet_market=True), clock, chance, 3)
    port = await simulator.start()
    ledger = LedgerDesk(clock, chance, tmp_path)
    await ledger.open()
    rules = connect(simulator, port, clock, chance).venue._market_of
    desk = ExchangeDesk(
        rest_url=f"http://127.0.0.1:{port}",
        private_url=f"ws://127.0.0.1:{port}/ws/private",
        signer=SecretSigner(KEY, SECRET.encode()),
        gateway=ledger.gateway,
        gate=ledger.gate,
        database=ledger.database,
        market_of=rules,
        stop=ledger.stop,
        clock=clock,
        trading_clock=clock,
        chance=chance,
    )
    ledger.gateway.serve(desk.venue)
    assert "stream is not live" in desk.why_not()
    services = [asyncio.create_task(run(), name=name) for name, run in desk.services.items()]
    async with asyncio.timeout(20):
        while desk.why_not():
            await asyncio.sleep(0.01)
    terms = ledger.new("BUY", price="50000", quantity="0.001")
    await ledger.gateway.submit(Asked(terms=terms))
    assert await desk.clear() == 1
    async with asyncio.timeout(20):
        while ledger.state(terms.id) is not S.CANCELLED:
            await asyncio.sleep(0.01)
    assert ledger.expected() == {n: b.total for n, b in simulator.exchange.ledger.accounts[KEY].balances.items()}
    assert not any(task.done() for task in services)
    for task in services:
        task.cancel()
    await asyncio.gather(*services, return_exceptions=True)
    assert "stream is not live" in desk.why_not()
    await desk.close()
    await ledger.close()
    await simulator.stop()


async def test_an_order_to_a_real_host_is_blocked_and_written_down(tmp_path: Path) -> None:
    clock, chance = SystemClock(), Chance("real")
    desk = LedgerDesk(clock, chance, tmp_path)
    await desk.open()
    rest = open_rest("https://api.poloniex.com", SecretSigner(KEY, SECRET.encode()), clock=clock, chance=chance)
    venue = ExchangeVenue(
        rest, gate=desk.gate, orders=desk.orders, listener=desk.gateway, market_of=lambda symbol: None, stop=desk.stop,
        halted=lambda: desk.gateway.halted,
    )  # fmt: skip
    desk.gateway.serve(venue)
    terms = desk.new("BUY", amount="50")
    await desk.submit(None, terms)
    assert desk.state(terms.id) is S.REJECTED
    audit = await desk.database.read(lambda c: rows.audit_rows(c))
    assert [(row.kind, row.detail["host"]) for row in audit] == [("real-trade-blocked", "api.poloniex.com")]
    await rest.close()
    await desk.close()


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_wrong_in_the_ledger_after_a_storm(seed: int, tmp_path: Path) -> None:
    assert storm(seed, minutes=5, ledger=tmp_path) == []
