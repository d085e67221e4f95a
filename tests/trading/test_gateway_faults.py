"""What a gateway must bear: watchers that fail, cancels that meet an order on its way, callers that leave half-way."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D

import pytest

from polotui.core.errors import Refused, StorageError
from polotui.model.orders import OrderState, Placement
from polotui.risk.values import Asked, RiskDecision
from polotui.trading import rows
from polotui.trading.blotter import LiveOrder
from polotui.trading.portfolio import Portfolio
from polotui.trading.trades import Trade
from tests.trading.test_gateway import Desk, Ears, buy, desk, events, reached, traded

__all__ = ["desk"]

S = OrderState


class Fails:
    """A watcher that cannot do what it should."""

    async def on_order(self, order: LiveOrder) -> None:
        raise StorageError("The disk is full.")

    async def on_booked(self, fill: rows.FillRow, order: LiveOrder) -> None:
        raise StorageError("The disk is full.")

    async def on_trade_closed(self, trade: Trade) -> None:
        raise StorageError("The disk is full.")

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        raise StorageError("The disk is full.")


async def test_a_watcher_that_fails_does_not_keep_the_others_from_a_fill(desk: Desk) -> None:
    desk.gateway.watch(Fails())
    behind = Ears()
    desk.gateway.watch(behind)
    asked = buy("2")
    assert (await desk.gateway.submit(asked)).state is S.ACCEPTED
    await desk.gateway.on_fill(traded(asked, "2"))
    assert [fill.quantity for fill in behind.booked] == [D(2)]
    assert behind.orders == desk.ears.orders == [(asked.terms.id, S.ACCEPTED), (asked.terms.id, S.FILLED)]
    refused = await desk.gateway.submit(buy("1000000"))
    assert behind.refused == [refused.decision.code]


@pytest.mark.parametrize(
    ("answer", "end"), [(S.REJECTED, ["SUBMITTING", "REJECTED"]), (S.ACCEPTED, ["SUBMITTING", "ACCEPTED", "CANCELLED"])]
)
async def test_a_cancel_that_meets_an_order_on_its_way_is_carried_out_when_it_has_arrived(
    desk: Desk,
    answer: OrderState,
    end: list[str],
) -> None:
    asked = buy()
    desk.venue.hold.clear()
    desk.venue.answers = [Placement(state=answer, code="X")]
    desk.venue.cancel_answer = Placement(state=S.UNKNOWN, code="PAPER-ON-ITS-WAY")
    task = asyncio.create_task(desk.gateway.submit(asked))
    await reached(desk, task)
    await desk.gateway.cancel(asked.terms.id, "not wanted")
    desk.venue.cancel_answer = Placement(state=S.CANCELLED)
    desk.venue.hold.set()
    await task
    assert await events(desk, asked.terms.id) == end
    assert desk.gateway.blotter.open() == []


async def test_an_order_that_is_cancelled_while_its_intent_is_written_never_reaches_the_venue(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = asyncio.Event()
    transact = desk.database.transact

    async def slowly(work: object, name: str = "") -> object:
        if name == "order intent":
            await written.wait()
        return await transact(work, name)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.database, "transact", slowly)
    asked = buy()
    # The venue has never heard of it and says so.
    desk.venue.cancel_answer = Placement(state=S.UNKNOWN, absent=True)
    task = asyncio.create_task(desk.gateway.submit(asked))
    await asyncio.sleep(0)
    cancelling = asyncio.create_task(desk.gateway.cancel(asked.terms.id, "not wanted"))
    for _ in range(10):
        await asyncio.sleep(0)
    written.set()
    await cancelling
    assert (await task).state is S.REJECTED
    assert desk.venue.placed == []
    assert desk.gateway.blotter.open() == []


async def test_nothing_is_written_of_an_order_before_its_intent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver asked after an order whose intent waited for the disk, and its «not found» stood in the ledger as the
    only row of an order that never was."""
    tried = asyncio.Event()
    transact = desk.database.transact

    async def fails(work: object, name: str = "") -> object:
        if name == "order intent":
            await tried.wait()
            raise StorageError("The disk is full.")
        return await transact(work, name)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.database, "transact", fails)
    asked = buy()
    task = asyncio.create_task(desk.gateway.submit(asked))
    await asyncio.sleep(0)
    await desk.gateway.on_state(asked.terms.id, S.UNKNOWN, code="not-found-yet")
    tried.set()
    with pytest.raises(StorageError):
        await task
    assert await events(desk, asked.terms.id) == []


async def test_a_fill_of_an_order_that_counted_as_refused_makes_it_open_again(desk: Desk) -> None:
    desk.venue.answers = [Placement(state=S.REJECTED, code="never-arrived")]
    asked = buy("2")
    await desk.gateway.submit(asked)
    assert desk.gateway.blotter.open() == []
    await desk.gateway.on_fill(traded(asked, "0.5"))
    (order,) = desk.gateway.blotter.open()
    assert (order.state, order.left) == (S.PARTIAL, D("1.5"))


async def test_a_fill_whose_teller_is_cancelled_is_in_the_portfolio_all_the_same(desk: Desk) -> None:
    asked = buy("2")
    await desk.gateway.submit(asked)
    for turn in range(4):
        telling = asyncio.create_task(desk.gateway.on_fill(traded(asked, "0.5", f"t{turn}")))
        for _ in range(turn + 2):
            await asyncio.sleep(0)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await desk.gateway.close()
        await desk.gateway.on_fill(traded(asked, "0.5", f"t{turn}"))
    assert [fill.quantity for fill in desk.ears.booked] == [D("0.5")] * 4
    assert desk.gateway.portfolio.same_as(await desk.database.read(Portfolio.load))


async def test_the_end_does_not_wait_for_ever_for_a_ledger_that_is_gone(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = buy("2")
    await desk.gateway.submit(asked)

    async def broken(*_: object) -> None:
        raise StorageError("The disk is gone.")

    monkeypatch.setattr(desk.database, "transact", broken)
    monkeypatch.setattr("polotui.trading.gateway.CLOSE_SECONDS", 0.05)
    telling = asyncio.create_task(desk.gateway.on_fill(traded(asked, "2")))
    await asyncio.sleep(0)
    await asyncio.wait_for(desk.gateway.close(), 5)
    assert telling.cancelled() or telling.done() or telling.cancel()


async def test_an_id_that_was_used_does_not_take_the_order_of_that_id_off_the_blotter(desk: Desk) -> None:
    asked = buy()
    await desk.gateway.submit(asked)
    with pytest.raises(Refused):
        await desk.gateway.submit(asked)
    (order,) = desk.gateway.blotter.open()
    assert order.state is S.ACCEPTED
    assert len(desk.venue.placed) == 1


async def test_an_intent_that_cannot_be_stored_for_any_reason_leaves_no_order_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(desk.database, "transact", broken)
    with pytest.raises(RuntimeError):
        await desk.gateway.submit(buy())
    assert desk.gateway.blotter.open() == []
