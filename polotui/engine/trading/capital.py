"""The capital of bots that have ended: their entries are cancelled, and what they have comes back to the account.

Decided here:
* Cash comes back at once, coins when they are too few to sell. What is held stays where it is, with its stop; what it
  brings later comes back with its fill.
* What an open order still claims waits for its end: the last of a sale in parts looks like dust, and is spoken for.
* A process may be killed between a bot's end and this, so every start looks at all ended bots again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from polotui.core.errors import PolotuiError
from polotui.model.money import ZERO
from polotui.trading.blotter import root_of
from polotui.trading.bot_rows import StoredBot

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.bots")

QUOTE = "USDT"


class Capital:
    """Gives it back, one move at a time."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._turn = asyncio.Lock()

    async def all_back(self, ended: Iterable[StoredBot]) -> None:
        """For the start."""
        for stored in ended:
            if root_of(stored.account) not in self._trading.roots():
                continue
            try:
                await self.back(stored)
            except PolotuiError as error:
                log.error("a bot's capital is not back yet", extra={"bot": stored.id, "detail": str(error)})

    async def back(self, stored: StoredBot) -> None:
        """What an ended bot has; its entries are cancelled first."""
        gateway = self._trading.gateway
        for order in gateway.blotter.open(stored.account):
            # What reduces keeps a position: it stays.
            if not order.terms.reduces:
                await gateway.cancel(order.terms.id, "the bot has ended")
        await self.release(stored)

    async def release(self, stored: StoredBot) -> None:
        trading, root = self._trading, root_of(stored.account)
        async with self._turn:
            for currency in list(trading.portfolio.cash(stored.account)):
                # Read anew before each move: another order may have been sent meanwhile.
                amount = trading.portfolio.cash(stored.account).get(currency, ZERO)
                if amount <= 0 or trading.gateway.blotter.holds(stored.account).get(currency):
                    continue
                if currency != QUOTE:
                    held = trading.portfolio.position(stored.account, f"{currency}_{QUOTE}")
                    if not trading.is_dust(held):
                        continue
                number = trading.chance.token(8)
                await trading.move(
                    f"release-{stored.id}-{currency}-{number}", stored.account, root, currency, amount, "release",
                    f"back from bot {stored.id}",
                )  # fmt: skip
