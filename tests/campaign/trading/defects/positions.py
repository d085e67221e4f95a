"""What is done wrong with positions, their protection and their money."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from polotui.engine.trading.capital import Capital
from polotui.engine.trading.guards import Guards
from polotui.risk import assess as gate
from polotui.trading import rows
from polotui.trading.bots.bot import Bot
from polotui.trading.paper.till import Till
from polotui.trading.protector import Protector
from tests.campaign.trading.defects.planting import defect


@defect("a_position_has_its_stop", seeds=(1, 2))
def the_stop_comes_after_the_next_order() -> Iterator[None]:
    protect = Guards.protect

    async def late(self: Guards, protection: Any) -> None:
        await asyncio.sleep(20)
        await protect(self, protection)

    with patch.object(Guards, "protect", late):
        yield


@defect("stops_fire")
def stops_that_do_not_fire() -> Iterator[None]:
    def nothing(self: Protector, guard: Any) -> None:
        return None

    with patch.object(Protector, "_spawn_if_due", nothing):
        yield


@defect("a_position_has_its_stop", script="a stop that is edited")
def protection_is_forgotten_by_a_restart() -> Iterator[None]:
    async def nothing(self: Guards, open_orders: Any) -> None:
        return None

    with patch.object(Guards, "load", nothing):
        yield


@defect("bots_go_on_where_they_were", "a_position_has_its_stop")
def a_bots_state_is_half_restored() -> Iterator[None]:
    """Positions come back, what the bot has counted does not."""
    restore = Bot.restore

    def half(self: Bot, state: Any, *more: Any) -> None:
        restore(self, {**state, "counts": [0 for _ in state["counts"]], "index": state["index"] - 1}, *more)

    with patch.object(Bot, "restore", half):
        yield


class _Binary:
    """Arithmetic as a careless hand writes it."""

    @staticmethod
    def multiply(one: Decimal, other: Decimal) -> Decimal:
        return Decimal(repr(float(one) * float(other)))

    def __getattr__(self, name: str) -> Any:
        from polotui.trading.ledger import EXACT

        return getattr(EXACT, name)


@defect("money_equals_the_exchanges", "an_independent_fold_agrees", "ledger_equals_live_state")
def float_money() -> Iterator[None]:
    with patch.object(rows, "EXACT", _Binary()):
        yield


@defect("never_more_than_there_is", "no_limit_is_broken")
def nothing_is_bound_by_open_orders() -> Iterator[None]:
    """The gate and the paper venue both let the same coins be sold twice."""
    checks = gate.all_checks

    def fewer() -> tuple[Any, ...]:
        return tuple(check for check in checks() if check.code not in ("RISK-HELD", "RISK-CASH"))

    with (
        patch.object(Till, "available", lambda self, account, currency: Decimal(10**9)),
        patch.object(gate, "all_checks", fewer),
    ):
        yield


@defect("capital_comes_back", seeds=(1, 2, 3))
def an_ended_bot_keeps_its_money() -> Iterator[None]:
    async def nothing(self: Capital, *given: Any) -> None:
        return None

    with (
        patch.object(Capital, "back", nothing),
        patch.object(Capital, "release", nothing),
        patch.object(Capital, "all_back", nothing),
    ):
        yield
