"""The account's stream: whole across losses, repeats, silence and restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polotui.core.errors import StorageError
from polotui.model.orders import Execution, OrderState
from polotui.simulator.faults import Rule
from polotui.trading.exchange import private
from tests.rig import World
from tests.trading.exchange.bench import BTC, Bench, running
from tests.trading.exchange.on_rig import SILENT, on_rig, settled

S = OrderState


def take(bench: Bench, quantity: str = "0.01", side: int = 0) -> int:
    """Somebody takes what rests; returns how much he got, in steps."""
    exchange = bench.simulator.exchange
    market = exchange.market(BTC)
    limit = 10**8 if side == 0 else 1
    return exchange.background_take(market, side, int(float(quantity) * 10**6), limit)


async def resting_sell(bench: Bench, quantity: str = "0.01") -> Any:
    """A sell at the very top of the book, so that the next taker meets it."""
    best = bench.simulator.exchange.market(BTC).book.best(1)
    terms = bench.desk.new("SELL", price=f"{best / 100 - 0.01:.2f}", quantity=quantity)
    await bench.submit(terms)
    return terms


def test_lost_events_are_found_by_the_next_round() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.faults.load([Rule(kind="drop", channel="orders")])
        terms = await resting_sell(bench)
        take(bench, "0.004")
        await bench.until(lambda: bench.desk.filled(terms.id) > 0, 70)
        take(bench, "0.006")
        await settled(bench, terms, S.FILLED, seconds=70)
        assert bench.money_agrees()

    on_rig(run)


@pytest.mark.parametrize("seed", range(6))
def test_events_in_any_order_and_number_book_each_trade_once(seed: int) -> None:
    async def run(bench: Bench, world: World) -> None:
        rates = {"duplicate": 0.3, "reorder": 0.3, "drop": 0.2, "delay": 0.2}
        bench.simulator.faults.load(
            [Rule(kind=kind, channel="orders", rate=rate, seconds=(0.1, 3.0)) for kind, rate in rates.items()]  # type: ignore[arg-type]
        )
        orders = []
        for turn in range(20):
            terms = await resting_sell(bench, quantity="0.002")
            orders.append(terms)
            for _ in range(world.chance.generator().randint(0, 3)):
                take(bench, "0.0007")
                await asyncio.sleep(world.chance.uniform(0, 0.2))
            if turn % 2:
                await bench.cancel(terms)
        bench.simulator.faults.load([])
        for terms in orders:
            if bench.desk.state(terms.id) not in (S.FILLED, S.CANCELLED):
                await bench.cancel(terms)
        await bench.until(lambda: all(bench.desk.state(t.id) in (S.FILLED, S.CANCELLED) for t in orders), 180)
        assert bench.money_agrees()
        assert len(bench.desk.fills) == len(bench.user.fills)
        assert bench.desk.stops == []

    on_rig(run, seed)


def test_it_is_live_only_when_everything_missed_is_booked() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = await resting_sell(bench)
        gone = bench.desk.new("BUY", price="50000", quantity="0.001")
        await bench.submit(gone)
        seen: list[tuple[bool, int, S, S]] = []
        bench.account.watch(
            lambda: seen.append(
                (
                    bench.account.live,
                    len(bench.desk.fills),
                    bench.desk.state(terms.id),
                    bench.desk.state(gone.id),
                )
            )
        )
        bench.simulator.reset_connections("private")
        take(bench)
        bench.simulator.exchange.cancel_now(bench.user.by_client_id[gone.id])
        await bench.until(lambda: not bench.account.live)
        await bench.until(lambda: bench.account.live, 120)
        live = [entry for entry in seen if entry[0]]
        assert live
        assert {entry[1:] for entry in live} <= {(0, S.ACCEPTED, S.ACCEPTED), (1, S.FILLED, S.CANCELLED)}
        assert live[-1][1:] == (1, S.FILLED, S.CANCELLED)
        assert bench.money_agrees()

    on_rig(run)


def test_the_mark_waits_for_what_the_history_did_not_confirm() -> None:
    """A lost trade lies before a told one; the history cannot be read for five minutes in between."""

    async def run(bench: Bench, world: World) -> None:
        no_history = [Rule(kind="error", method="GET", path=path, status=500) for path in ("/trades", "/orders")]
        bench.simulator.faults.load([Rule(kind="drop", channel="orders", times=3), *no_history])
        lost = await resting_sell(bench)
        take(bench)
        bench.simulator.faults.load(no_history)
        await asyncio.sleep(200)
        told = await resting_sell(bench)
        take(bench)
        await bench.until(lambda: bench.desk.state(told.id) is S.FILLED)
        await asyncio.sleep(100)
        assert bench.desk.filled(lost.id) == 0
        # Only the history of all trades is readable again: nothing may depend on asking for the order.
        bench.simulator.faults.load([Rule(kind="error", method="GET", path="/orders/", status=500)])
        await bench.until(lambda: bench.desk.filled(lost.id) > 0, 120)
        bench.simulator.faults.load([])
        await settled(bench, lost, S.FILLED, seconds=120)
        assert bench.money_agrees()

    on_rig(run)


def test_more_trades_than_a_page_are_all_read() -> None:
    async def run(bench: Bench, world: World) -> None:
        orders = [await resting_sell(bench, quantity="0.001") for _ in range(3)]
        bench.simulator.faults.load([SILENT])
        bench.simulator.reset_connections("private")
        for _ in range(25):
            take(bench, "0.0001")
        await bench.until(lambda: not bench.account.live)
        await bench.until(lambda: bench.account.live, 60)
        assert len(bench.desk.fills) == len(bench.user.fills) == 25
        assert bench.http.count("GET", "/trades") >= 4
        assert bench.money_agrees()
        assert {bench.desk.state(terms.id) for terms in orders} >= {S.FILLED}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "PAGE", 10)
        on_rig(run)


def test_orders_of_others_are_told_once() -> None:
    async def run(bench: Bench, world: World) -> None:
        exchange = bench.simulator.exchange
        given = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.001"}
        by_hand = exchange.place(bench.user, given, source="WEB")
        market = exchange.place(bench.user, {"symbol": BTC, "side": "BUY", "type": "MARKET", "amount": "50"})
        other_host = exchange.place(bench.user, given | {"clientOrderId": "pt-of-another-desk"})
        await asyncio.sleep(200)
        found = sorted(order.id for order in bench.desk.foreign)
        assert found == sorted(str(order.id) for order in (by_hand, market, other_host))
        assert bench.desk.fills == {}

    on_rig(run)


def test_a_silent_stream_is_noticed_and_nothing_is_missed() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = await resting_sell(bench)
        bench.simulator.half_open("private")
        take(bench)
        await bench.until(lambda: not bench.account.live, 30)
        await bench.until(lambda: bench.account.live, 60)
        assert bench.desk.state(terms.id) is S.FILLED
        assert bench.money_agrees()

    on_rig(run)


def test_more_events_than_can_wait_end_the_connection_and_are_fetched() -> None:
    async def run(bench: Bench, world: World) -> None:
        book = bench.desk.on_fill

        async def slow(execution: Execution) -> None:
            await asyncio.sleep(1)
            await book(execution)

        bench.desk.on_fill = slow  # type: ignore[method-assign]
        terms = await resting_sell(bench, quantity="0.003")
        for _ in range(30):
            take(bench, "0.0001")
        await bench.until(lambda: bench.desk.state(terms.id) is S.FILLED, 200)
        assert bench.account.stream.counters.reconnects >= 1
        assert len(bench.account._events) <= 5
        assert bench.money_agrees()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "MOST_WAITING", 5)
        on_rig(run)


def test_a_ledger_that_fails_ends_it_and_the_next_start_is_whole() -> None:
    async def run(bench: Bench, world: World) -> None:
        book, failures = bench.desk.on_fill, [StorageError("the disk is full")]

        async def failing(execution: Execution) -> None:
            if failures:
                raise failures.pop()
            await book(execution)

        terms = await resting_sell(bench)
        bench.desk.on_fill = failing  # type: ignore[method-assign]
        take(bench)
        service = bench.tasks.pop(0)
        with pytest.raises(StorageError):
            await service
        assert not bench.account.live
        bench.tasks.append(asyncio.create_task(bench.account.run(), name="account again"))
        await bench.until(lambda: bench.account.live, 60)
        assert bench.desk.state(terms.id) is S.FILLED
        assert bench.money_agrees()

    on_rig(run)


def test_a_cancel_that_got_lost_is_repeated() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        await bench.submit(terms)
        bench.simulator.faults.load([Rule(kind="lost", method="DELETE", path="/orders", times=1)])
        answer = await bench.cancel(terms)
        assert (answer.state, answer.code) == (S.CANCELLING, "outcome-unknown")
        assert await settled(bench, terms, S.CANCELLED) <= 10
        assert bench.http.count("DELETE", f"/orders/cid:{terms.id}") == 2
        assert (await bench.venue.cancel(terms)).state is S.CANCELLING

    on_rig(run)


def test_an_order_that_rests_though_it_ended_here_is_cancelled_and_stops_trading() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        await bench.submit(terms)
        bench.desk.states[terms.id].append(S.CANCELLED)
        await asyncio.sleep(70)
        assert [code for code, _ in bench.desk.stops] == ["ORDER-RISEN"]
        assert bench.user.open == {}

    on_rig(run)


def test_trades_of_another_order_under_our_id_are_not_ours() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", amount="50")
        given = {"symbol": BTC, "side": "BUY", "type": "MARKET", "amount": "51", "clientOrderId": terms.id}
        bench.simulator.exchange.place(bench.user, given)
        await asyncio.sleep(30)
        assert [code for code, _ in bench.desk.stops] == ["ORDER-TERMS"]
        assert bench.desk.fills == {}

    on_rig(run)


@pytest.mark.parametrize("seed", range(4))
def test_a_fill_that_overtakes_its_cancel_counts(seed: int) -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = await resting_sell(bench)
        take(bench, "0.004")
        answer = asyncio.create_task(bench.cancel(terms))
        await asyncio.sleep(world.chance.uniform(0, 0.3))
        take(bench, "0.006")
        await answer
        await settled(bench, terms, S.CANCELLED, S.FILLED)
        assert bench.money_agrees()

    on_rig(run, seed, cancel_delay=(0.2, 0.2))


async def test_it_works_over_real_sockets_with_a_moving_market() -> None:
    async with running(quiet_market=False, activity=20.0) as bench:
        for turn in range(5):
            buy = bench.desk.new("BUY", "ETH_USDT", amount="200")
            await bench.submit(buy)
            await settled(bench, buy, S.FILLED, seconds=20)
            sell = await resting_sell(bench, quantity="0.001")
            if turn % 2:
                await bench.cancel(sell)
        await bench.until(lambda: len(bench.desk.fills) >= 5)
        bench.simulator.reset_connections("all")
        await bench.until(lambda: not bench.account.live)
        await bench.until(lambda: bench.account.live)
        await bench.venue.cancel_all()
        await bench.until(lambda: bench.desk.not_final("spot") == [])
        assert await bench.venue.open_orders() == []
        assert bench.money_agrees()
