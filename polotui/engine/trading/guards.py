"""Stops and targets of open positions, kept by the protector, and kept in the ledger beside.

Decided here:
* What a position should have is one `Protection` an account and symbol, whoever asks for it: a bot, or a person.
* It is written to the ledger when it changes, after it counts: a crash in between loses a change of a level at most,
  and a bot brings its level again at its next close. A bot's first protection follows its fill through the bot's own
  queue; a process that dies in between makes it at the next start, from the bot's state or the levels of the order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from polotui.core.errors import StorageError
from polotui.model.money import ZERO
from polotui.model.orders import OrderTerms, OrderType, Side
from polotui.model.symbols import Market, base_and_quote
from polotui.risk.values import Asked
from polotui.storage.database import Connection
from polotui.trading import rows as ledger
from polotui.trading.blotter import LiveOrder, root_of
from polotui.trading.bots.orders import Protection as Wanted
from polotui.trading.protection import OrderNow, Protection, Sent, Stored
from polotui.trading.protector import Protector

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.guards")

SAVE_AGAIN_SECONDS = 1.0


class Guards:
    """A bot's `Keeper`, and everything that the protector needs of the desk."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._saved: dict[tuple[str, str], bytes] = {}
        self.protector = Protector(
            self, self, self, self, clock=trading.clock, chance=trading.chance.child("protector")
        )
        self._changed = asyncio.Event()
        #: The last write failed.
        self._owes = False

    # -- for bots and people --------------------------------------------------------------------------------------

    async def keep(self, wanted: Wanted) -> None:
        """What a bot wants its position to have."""
        await self.protect(
            Protection(
                account=wanted.account,
                symbol=wanted.symbol,
                bot=wanted.bot,
                strategy=wanted.strategy,
                stop=wanted.stop,
                target=wanted.target,
                reason=wanted.reason,
                signal=wanted.signal,
            )
        )

    async def protect(self, protection: Protection) -> None:
        self.protector.protect(protection)
        await self.save()
        self._trading.touch_positions()

    async def drop(self, account: str, symbol: str, reason: str) -> None:
        await self.protector.drop(account, symbol, reason)
        await self.save()
        self._trading.touch_positions()

    def of(self, account: str, symbol: str) -> Protection | None:
        """What protects a position now."""
        return self.protector.protection_of(account, symbol)

    def carrying_out(self, account: str, symbol: str) -> str:
        """What is being done because a stop was reached; empty: its levels can be moved."""
        return self.protector.carrying_out(account, symbol)

    # -- the ledger -----------------------------------------------------------------------------------------------

    async def load(self, open_orders: Sequence[OrderTerms]) -> None:
        """Takes up what was protected before a restart, with the orders that were sent for it."""
        query = "SELECT state FROM protections ORDER BY account, symbol"
        found = await self._trading.database.read(lambda c: c.execute(query).fetchall(), "protections")
        stored = [msgspec.json.decode(text, type=Stored) for (text,) in found]
        self._saved = {_key(one): _text(one) for one in stored}
        # An exchange that is there no more has nothing to protect.
        roots = self._trading.roots()
        self.protector.restore([one for one in stored if root_of(one.protection.account) in roots], open_orders)

    async def save(self) -> None:
        """Writes what changed. What cannot be written now is tried again by `run`."""
        now = {_key(one): _text(one) for one in self.protector.stored()}
        if now == self._saved:
            return
        changed = {key: text for key, text in now.items() if self._saved.get(key) != text}
        gone = [key for key in self._saved if key not in now]

        def write(connection: Connection) -> None:
            for (account, symbol), text in changed.items():
                connection.execute(
                    "INSERT OR REPLACE INTO protections VALUES (?, ?, ?)", (account, symbol, text.decode())
                )
            connection.executemany("DELETE FROM protections WHERE account = ? AND symbol = ?", gone)

        try:
            await self._trading.database.transact(write, "protections")
        except StorageError as error:
            log.error("protections could not be written yet", extra={"detail": str(error)})
            self._owes = True
            self._changed.set()
            return
        self._saved, self._owes = now, False

    # -- what the protector asks ----------------------------------------------------------------------------------

    async def submit(self, asked: Asked, caller: str = "") -> Sent:
        sent = await self._trading.gateway.submit(asked, caller or "protector")
        await self.save()
        return sent

    async def cancel(self, order_id: str, reason: str = "") -> object:
        return await self._trading.gateway.cancel(order_id, reason)

    async def free(self, account: str, symbol: str, reason: str) -> bool:
        """Resting orders that would sell these coins go; a market order that sells them is waited for."""
        gateway = self._trading.gateway

        def others() -> list[LiveOrder]:
            mine = gateway.blotter.of(account, symbol)
            return [o for o in mine if o.terms.side is Side.SELL and not o.final and not o.waits]

        for order in others():
            if order.terms.type is not OrderType.MARKET:
                await gateway.cancel(order.terms.id, reason)
        return not others()

    async def ask(self, order_id: str) -> OrderNow | None:
        """Where an order of ours stands, from memory or the ledger; the venues keep both true."""
        order = self._trading.gateway.blotter.get(order_id)
        if order is not None:
            return OrderNow(state=order.state, filled=order.filled, code=order.code, words=order.words)
        found = await self._trading.database.read(lambda c: ledger.order_of(c, order_id), "order")
        if found is None:
            return None
        return OrderNow(state=found.state, filled=found.filled, code=found.code, words=found.words)

    def held(self, account: str, symbol: str) -> Decimal:
        """What was bought and is still there. Coins that came as a deposit are no position, and not sold with one."""
        portfolio = self._trading.portfolio
        there = portfolio.cash(account).get(base_and_quote(symbol)[0], ZERO)
        return min(there, portfolio.position(account, symbol).quantity)

    def market(self, symbol: str) -> Market | None:
        return self._trading.markets.market(symbol)

    def best_bid(self, symbol: str) -> float | None:
        book = self._trading.markets.book(symbol)
        best = book.best_bid() if book is not None else None
        return best[0] if best is not None else None

    def last(self, symbol: str) -> float | None:
        return self._trading.markets.last(symbol)

    def fresh(self, symbol: str) -> bool:
        return self._trading.markets.fresh(symbol)

    def stamp_ms(self, symbol: str) -> int:
        return self._trading.markets.stamp_ms(symbol)

    async def prices(self, symbols: Sequence[str]) -> Mapping[str, float]:
        """What sales would get, from the one call for all tickers; asked anew, not from the stream."""
        tickers = await self._trading.exchange.rest.tickers()
        wanted = set(symbols)
        # Without a bid nothing says what a sale would get; an old last price is no reason to sell.
        return {t.symbol: t.bid for t in tickers if t.symbol in wanted and t.bid}

    # -- what the protector tells ---------------------------------------------------------------------------------

    def alert(self, code: str, text: str, symbol: str) -> None:
        self._trading.fact("protection", "warning", f"{code}: {text}", symbol=symbol)

    def changed(self, stored: Stored) -> None:
        self._changed.set()

    def ended(self, protection: Protection, why: str) -> None:
        self._changed.set()
        self._trading.touch_positions()

    async def run(self) -> None:
        """Writes down what the protector changed by itself; for the supervisor."""
        while True:
            await self._changed.wait()
            if self._owes:
                await asyncio.sleep(SAVE_AGAIN_SECONDS)
            self._changed.clear()
            await self.save()


def _key(stored: Stored) -> tuple[str, str]:
    return stored.protection.account, stored.protection.symbol


def _text(stored: Stored) -> bytes:
    return msgspec.json.encode(stored, order="sorted")
