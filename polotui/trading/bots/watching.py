"""Between the gateway and the bots: what became of a bot's orders reaches it and its keeper, nothing else does."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from polotui.model.orders import OrderState, OrderTerms
from polotui.risk.values import Asked, RiskDecision
from polotui.trading.blotter import LiveOrder
from polotui.trading.bots.bot import Bot
from polotui.trading.rows import FillRow
from polotui.trading.trades import Trade


class Keeping(Protocol):
    """A keeper that wants to hear of its orders."""

    def on_fill(self, terms: OrderTerms, quantity: Decimal) -> None: ...

    def on_order(self, terms: OrderTerms, state: OrderState) -> None: ...


class BotWatcher:
    """A gateway's `Watcher` for the bots that are registered with it."""

    def __init__(self) -> None:
        self._bots: dict[int, tuple[Bot, Keeping | None]] = {}

    def add(self, bot: Bot, keeper: Keeping | None = None) -> None:
        self._bots[bot.terms.id] = bot, keeper

    def remove(self, bot_id: int) -> None:
        self._bots.pop(bot_id, None)

    async def on_booked(self, fill: FillRow, order: LiveOrder) -> None:
        bot, keeper = self._bots.get(order.terms.bot, (None, None))
        if bot is not None:
            bot.on_fill(fill, order.terms, fill.at_ms, fill.number)
        if keeper is not None:
            keeper.on_fill(order.terms, fill.quantity)

    async def on_order(self, order: LiveOrder) -> None:
        bot, keeper = self._bots.get(order.terms.bot, (None, None))
        if bot is not None:
            bot.on_order(order.terms, order.state, order.code, order.words)
        if keeper is not None:
            keeper.on_order(order.terms, order.state)

    async def on_trade_closed(self, trade: Trade) -> None:
        """A bot counts by its fills."""

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        """The bot has it as the answer to its wish."""
