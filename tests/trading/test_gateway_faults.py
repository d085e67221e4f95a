"""What a gateway must bear: watchers that fail, cancels that meet an order on its way, callers that leave half-way."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D

import pytest

from polotui.core.errors import StorageError
from polotui.model.orders import OrderState, Placement
from polotui.risk.values import Asked, RiskDecision
from polotui.trading import rows
from polotui.trading.blotter import LiveOrder
from polotui.trading.trades import Trade
from tests.trading.test_gateway import Desk, Ears, buy, desk, events, reached, traded

__all__ = ["desk"]

S = OrderState


class Fails:
    """A watcher that cannot do what it should."""

    async def on_order(self, order: LiveOrder) -> None:
        raise StorageError("The disk is full.")

    async def on_booked(self, fill: rows.FillRow, order: LiveOrder, trade: Trade | None) -> None:
        raise StorageError("The disk is full.")

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        raise StorageError("The disk is full.")


async def test_a_watcher_that_fails_does_not_keep_the_others_from_a_fill(desk: Desk) -> None:  # noqa: F811
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
