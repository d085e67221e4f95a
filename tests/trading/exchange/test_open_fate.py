"""Orders whose answer was lost, under virtual time: one intent is never two orders, and none is believed absent that is
there."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from polotui.model.orders import OrderState
from polotui.poloniex.errors import ExchangeError
from polotui.simulator.faults import Rule
from tests.rig import World, rig
from tests.trading.exchange.bench import Bench, build, connect
from tests.trading.exchange.on_rig import SILENT, on_rig, order_rule, server_orders, settled

S = OrderState


@pytest.mark.parametrize(
    ("rule", "exists"),
    [
        (order_rule("lost", "before"), False),
        (order_rule("lost", "after"), True),
        (order_rule("error", "before", status=500), False),
        (order_rule("error", "after", status=502), True),
        (order_rule("error", "after", status=503), True),
        (order_rule("slow", seconds=(10.5, 12.0)), True),
    ],
)
def test_an_order_without_an_answer_is_unknown_until_evidence(rule: Rule, exists: bool) -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.faults.load([rule, SILENT])
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        placed = await bench.submit(terms)
        assert placed.state is S.UNKNOWN
        took = await settled(bench, terms, *((S.ACCEPTED,) if exists else (S.REJECTED,)))
        # The window of the signature, the margin, and a cycle or two.
        assert took <= 5 + 10
        if not exists:
            assert took >= 5 + 2
        assert server_orders(bench, terms) == (1 if exists else 0)
        assert bench.http.count("POST", "/orders") == 1
        assert bench.desk.stops == []

    on_rig(run)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_market_order_without_an_answer_gives_its_fills(effect: str) -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.faults.load([order_rule("lost", effect), SILENT])
        terms = bench.desk.new("BUY", amount="500")
        assert (await bench.submit(terms)).state is S.UNKNOWN
        await settled(bench, terms, S.FILLED, S.REJECTED)
        assert bench.desk.state(terms.id) is (S.FILLED if effect == "after" else S.REJECTED)
        assert bench.money_agrees()

    on_rig(run)


def test_a_refusal_before_it_was_looked_at_is_no_open_fate() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.faults.load([order_rule("throttle", retry_after=3)])
        placed = await bench.submit(bench.desk.new("BUY", price="50000", quantity="0.001"))
        assert (placed.state, placed.code) == (S.REJECTED, "exchange-busy")
        # Its own limit refuses the next one at once, and nothing is sent.
        sent = bench.http.count("POST", "/orders")
        again = await bench.submit(bench.desk.new("BUY", price="50000", quantity="0.001"))
        assert (again.state, again.code) == (S.REJECTED, "exchange-busy")
        assert bench.http.count("POST", "/orders") == sent

    on_rig(run)


def test_maintenance_refuses_and_keeps_asking_slowly() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.exchange.set_maintenance(True)
        placed = await bench.submit(bench.desk.new("BUY", price="50000", quantity="0.001"))
        assert placed.state is S.REJECTED
        bench.simulator.exchange.set_maintenance(False)
        bench.simulator.hard_maintenance = True
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        assert (await bench.submit(terms)).state is S.UNKNOWN
        await asyncio.sleep(300)
        assert bench.desk.state(terms.id) is S.UNKNOWN
        bench.simulator.hard_maintenance = False
        assert await settled(bench, terms, S.REJECTED) <= 35
        assert bench.http.count("POST", "/orders") == 2

    on_rig(run)


def test_no_connection_means_that_nothing_was_sent() -> None:
    async def run(bench: Bench, world: World) -> None:
        world.network.refuse = True
        for link in world.network.links:
            link.reset()
        await asyncio.sleep(1)
        placed = await bench.submit(bench.desk.new("BUY", price="50000", quantity="0.001"))
        assert (placed.state, placed.code) == (S.REJECTED, "exchange-not-reached")
        world.network.refuse = False
        await bench.until(lambda: bench.account.live, 120)
        assert bench.user.orders == {}

    on_rig(run)


def test_an_order_that_arrives_after_it_was_not_found_is_found() -> None:
    """The request is slow on its way: asked after, the exchange does not know it, and has it a moment later."""

    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        network, usual = world.network, world.network.latency
        connect, send = network.connect, bench.http.send

        async def slow_connect(factory: Any, port: int) -> Any:
            made = await connect(factory, port)
            network.latency = (3.5, 3.5)
            world.loop.call_later(0.05, setattr, network, "latency", usual)
            return made

        async def impatient_send(method: str, target: str, headers: Any, body: str, deadline_s: float) -> Any:
            if method != "POST":
                return await send(method, target, headers, body, deadline_s)
            network.connect = slow_connect  # type: ignore[method-assign]
            try:
                return await send(method, target, headers, body, 1.0)
            finally:
                network.connect = connect  # type: ignore[method-assign]

        bench.http.send = impatient_send  # type: ignore[method-assign]
        bench.simulator.faults.load([SILENT])
        placed = await bench.submit(terms)
        assert placed.state is S.UNKNOWN
        first = await bench.venue.lookup(terms)
        assert (first.state, first.absent) == (S.UNKNOWN, False)
        assert server_orders(bench, terms) == 0
        await settled(bench, terms, S.ACCEPTED)
        assert server_orders(bench, terms) == 1

    on_rig(run)


def test_while_an_order_is_being_sent_it_is_never_absent() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.faults.load([order_rule("slow", seconds=(9.0, 9.0))])
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        terms_unsent = bench.desk.new("BUY", price="49000", quantity="0.001")
        bench.venue._under_way.add(terms_unsent.id)
        placing = asyncio.create_task(bench.submit(terms))
        await asyncio.sleep(8.5)
        assert (await bench.venue.lookup(terms_unsent)).absent is False
        await asyncio.sleep(30)
        assert (await bench.venue.lookup(terms_unsent)).absent is False
        bench.venue._under_way.clear()
        assert (await placing).state is S.ACCEPTED

    on_rig(run)


def test_a_duplicate_is_looked_up_and_compared() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        assert (await bench.submit(terms)).state is S.ACCEPTED
        again = await bench.venue.place(terms, bench.gate.issue(terms))
        assert (again.state, again.code) == (S.ACCEPTED, "21312")
        assert server_orders(bench, terms) == 1
        assert bench.desk.stops == []

    on_rig(run)


@pytest.mark.parametrize("change", [{"price": "50001"}, {"quantity": "0.002"}, {"side": "SELL", "price": "90000"}])
def test_another_order_under_our_id_stops_trading(change: dict[str, str]) -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        given = {"symbol": terms.symbol, "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.001"}
        bench.simulator.exchange.place(bench.user, given | change | {"clientOrderId": terms.id})
        placed = await bench.venue.place(terms, bench.gate.issue(terms))
        assert placed.state is S.UNKNOWN
        assert bench.desk.stops
        assert {code for code, _ in bench.desk.stops} == {"ORDER-TERMS"}
        assert bench.desk.fills == {}

    on_rig(run)


def test_after_a_crash_every_open_order_is_asked_after_before_it_is_live() -> None:
    async def main(world: World) -> None:
        first = await build(world.clock, world.chance.child("bench"))
        desk = first.desk
        desk.opening = first.their_balances()
        await first.start()
        resting = desk.new("BUY", price="50000", quantity="0.001")
        sold = desk.new("SELL", price="90000", quantity="0.01")
        await first.submit(resting)
        await first.submit(sold)
        never_sent = desk.new("BUY", price="50000", quantity="0.002")
        taken_without_answer = desk.new("BUY", amount="100")
        await first.cancel(first.desk.terms[resting.id])
        for task in first.tasks:
            task.cancel()
        await asyncio.gather(*first.tasks, return_exceptions=True)
        await first.venue.rest.close()
        # While nobody listens: one order is filled, another had left before the crash.
        exchange = first.simulator.exchange
        market = {"symbol": sold.symbol, "side": "BUY", "type": "MARKET", "amount": "100"}
        exchange.place(first.user, market | {"clientOrderId": taken_without_answer.id})
        exchange.background_take(exchange.market(sold.symbol), 0, 10**9, 9_000_000)
        await asyncio.sleep(60)

        second = connect(first.simulator, first.port, world.clock, world.chance.child("again"), desk=desk)
        await second.start()
        states = {terms.id: desk.state(terms.id) for terms in (resting, sold, taken_without_answer)}
        assert states == {resting.id: S.CANCELLED, sold.id: S.FILLED, taken_without_answer.id: S.FILLED}
        await second.until(lambda: desk.state(never_sent.id) is S.REJECTED, 30)
        assert second.money_agrees()
        await second.stop()
        await asyncio.sleep(5)

    rig(main, 3)


def test_an_old_order_is_searched_in_the_history_before_it_is_called_absent() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", amount="100")
        bench.simulator.exchange.place(
            bench.user,
            {"symbol": terms.symbol, "side": "BUY", "type": "MARKET", "amount": "100", "clientOrderId": terms.id},
        )
        # The exchange forgets the id of an ended order, as the real one does; its history keeps it.
        del bench.user.by_client_id[terms.id]
        for task in bench.tasks:
            task.cancel()
        await asyncio.sleep(1200)
        first = await bench.venue.lookup(terms)
        assert (first.state, first.absent) == (S.UNKNOWN, False)
        await asyncio.sleep(10)
        found = await bench.venue.lookup(terms)
        assert found.state is S.FILLED
        assert bench.money_agrees()

    on_rig(run)


def test_the_resolver_asks_at_most_ten_a_cycle_and_reaches_all() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.faults.load([order_rule("lost", "after"), SILENT])
        wanted = [bench.desk.new("BUY", price=str(40_000 + n), quantity="0.0001") for n in range(30)]
        await asyncio.gather(*(bench.submit(terms) for terms in wanted))
        bench.simulator.faults.load([SILENT])
        bench.tasks.pop().cancel()
        before = len(bench.http.sent)
        for turn in (1, 2, 3):
            assert await bench.resolver.cycle() == 10
            assert len(bench.http.sent) - before == turn * 10
        assert {bench.desk.state(terms.id) for terms in wanted} == {S.ACCEPTED}
        assert await bench.resolver.cycle() == 0

    on_rig(run)


def test_a_question_that_fails_is_no_news() -> None:
    async def run(bench: Bench, world: World) -> None:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        bench.simulator.faults.load([order_rule("lost", "after"), SILENT])
        await bench.submit(terms)
        bench.simulator.faults.load([Rule(kind="error", method="GET", path="/orders/", status=500), SILENT])
        with pytest.raises(ExchangeError):
            await bench.venue.lookup(terms)
        await asyncio.sleep(30)
        assert bench.desk.state(terms.id) is S.UNKNOWN
        bench.simulator.faults.load([SILENT])
        assert await settled(bench, terms, S.ACCEPTED) <= 15
        assert Decimal(0) == bench.desk.filled(terms.id)

    on_rig(run)
