"""Our books against the exchange's: agreement, differences by name, and when they block."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from polotui.model.orders import OrderState
from polotui.simulator.faults import Rule
from polotui.trading.exchange.reconcile import Difference, Reconciled, Reconciler
from tests.rig import World
from tests.trading.exchange.bench import Bench
from tests.trading.exchange.on_rig import SILENT, on_rig, settled

S = OrderState


def reconciler(bench: Bench) -> tuple[Reconciler, list[Reconciled]]:
    told: list[Reconciled] = []
    made = Reconciler(bench.venue, bench.account, bench.desk, clock=bench.clock, chance=bench.chance, told=told.append)
    bench.tasks.append(asyncio.create_task(made.run(), name="reconciler"))
    return made, told


def test_nothing_is_entered_before_the_first_agreement() -> None:
    async def run(bench: Bench, world: World) -> None:
        made, told = reconciler(bench)
        assert made.blocks_entries
        await bench.until(lambda: bool(told))
        assert (told[0].ok, told[0].differences) == (True, ())
        assert not made.blocks_entries

    on_rig(run)


def test_the_first_contact_books_what_is_there() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.desk.opening = None
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        assert told[0].ok
        assert bench.desk.opening == bench.their_balances()
        assert bench.money_agrees()
        buy = bench.desk.new("BUY", amount="500")
        await bench.submit(buy)
        await settled(bench, buy, S.FILLED)
        await asyncio.sleep(120)
        assert all(result.ok for result in told)
        assert not made.blocks_entries

    on_rig(run)


def test_a_difference_blocks_after_three_rounds_and_says_what_and_how_much() -> None:
    async def run(bench: Bench, world: World) -> None:
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        bench.simulator.exchange.deposit(bench.user, "ETH", Decimal("0.5"))
        await bench.until(lambda: told[-1].ok is False, 60)
        assert not made.blocks_entries
        await bench.until(lambda: made.blocks_entries, 60)
        assert [result.confirmed for result in told if result.ok is False] == [1, 2, 3]
        assert told[-1].differences == (Difference(currency="ETH", expected=Decimal(1), found=Decimal("1.5")),)
        assert told[-1].note == "ETH: expected 1, found 1.5 (difference 0.5)"
        bench.simulator.exchange.deposit(bench.user, "ETH", Decimal("-0.5"))
        await bench.until(lambda: not made.blocks_entries, 60)
        assert told[-1].confirmed == 0

    on_rig(run)


def test_a_question_without_an_answer_neither_confirms_nor_clears() -> None:
    async def run(bench: Bench, world: World) -> None:
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        bench.simulator.faults.load([Rule(kind="error", method="GET", path="/accounts/balances", status=500)])
        await bench.until(lambda: told[-1].ok is None, 120)
        await asyncio.sleep(300)
        assert not made.blocks_entries
        assert {result.ok for result in told[1:]} == {None}
        bench.simulator.faults.load([])
        bench.simulator.exchange.deposit(bench.user, "ETH", Decimal(1))
        await bench.until(lambda: made.blocks_entries, 120)
        bench.simulator.faults.load([Rule(kind="error", method="GET", path="/accounts/balances", status=500)])
        await bench.until(lambda: told[-1].ok is None, 120)
        assert made.blocks_entries
        assert told[-1].differences

    on_rig(run)


def test_an_account_that_answers_nothing_held_is_believed_only_as_a_difference() -> None:
    async def run(bench: Bench, world: World) -> None:
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        for currency, balance in bench.user.balances.items():
            bench.simulator.exchange.deposit(bench.user, currency, -balance.available)
        await bench.until(lambda: made.blocks_entries, 120)
        assert {difference.currency for difference in told[-1].differences} >= {"USDT", "BTC"}

    on_rig(run)


def test_fills_that_were_missed_are_fetched_before_a_difference_counts() -> None:
    async def run(bench: Bench, world: World) -> None:
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        bench.simulator.faults.load([SILENT])
        buy = bench.desk.new("BUY", amount="500")
        await bench.submit(buy)
        await asyncio.sleep(40)
        assert bench.desk.state(buy.id) is S.FILLED
        assert [result.ok for result in told if result.ok is False] == []
        assert bench.money_agrees()
        assert made.last.ok

    on_rig(run)


def test_a_busy_account_agrees_while_it_trades() -> None:
    async def run(bench: Bench, world: World) -> None:
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        for _ in range(200):
            await bench.submit(bench.desk.new("BUY", amount="20"))
            await bench.submit(bench.desk.new("SELL", quantity="0.0001"))
        await asyncio.sleep(60)
        assert len(told) > 2
        assert not made.blocks_entries
        assert made.last.ok
        assert bench.money_agrees()

    on_rig(run)


def test_it_waits_for_the_stream() -> None:
    async def run(bench: Bench, world: World) -> None:
        bench.simulator.half_open("private")
        await bench.until(lambda: not bench.account.live, 60)
        made, told = reconciler(bench)
        await bench.until(lambda: bool(told))
        assert (told[0].ok, made.blocks_entries) == (None, True)
        await bench.until(lambda: told[-1].ok is True, 120)

    on_rig(run)
