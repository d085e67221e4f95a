"""Stops and targets that nothing stands for yet: of orders by hand until they fill, of positions that are being closed.

Decided here:
* They are stored before their order goes out, because it may rest for days and fill after a restart; and what filled
  right before the end is protected at the start.
* They count with the first part that fills, over what the position had before. The parts after that leave what stands:
  a person may have moved it meanwhile. What was moved is what the order's later parts get when nothing stands any more,
  because everything before them was sold. At the start every order that has filled in part has begun.
* What protects a position is stored here before a close takes it down, and stands again at the start if the engine
  ended before anything was sold.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from polotui.core.errors import StorageError
from polotui.model.orders import FINAL
from polotui.trading import rows as ledger
from polotui.trading.blotter import LiveOrder
from polotui.trading.protection import Protection

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

_SETTING = "levels-by-hand"
_CLOSING = "levels-closing"
log = logging.getLogger("polotui.guards")


class _Levels(msgspec.Struct, frozen=True, array_like=True):
    """What an order should have. `begun`: a part of it filled, and has it."""

    stop: Decimal | None
    target: Decimal | None
    begun: bool = False


class LevelsByHand:
    """By order: the stop and the target that it should have."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._levels: dict[str, _Levels] = {}
        self._closing: dict[str, Protection] = {}

    async def load(self) -> None:
        trading = self._trading
        text = await trading.records.setting(_SETTING)
        found = msgspec.json.decode(text, type=dict[str, _Levels]) if text else {}
        for order_id, levels in found.items():
            order = trading.gateway.blotter.get(order_id) or await self._ended(order_id)
            if order is None:
                continue
            terms = order.terms
            held = trading.portfolio.position(terms.account, terms.symbol).quantity > 0
            if order.filled and held and trading.guards.of(terms.account, terms.symbol) is None:
                await self._protect(terms.account, terms.symbol, levels)
            if order.filled:
                # What stored that it began may be lost, and a person may have moved the levels since.
                levels = msgspec.structs.replace(levels, begun=True)
            if order.state not in FINAL:
                self._levels[order_id] = levels
        if self._levels != found:
            await self._store()
        await self._take_up_closing()

    async def _take_up_closing(self) -> None:
        trading = self._trading
        text = await trading.records.setting(_CLOSING)
        left = msgspec.json.decode(text, type=dict[str, Protection]) if text else {}
        for standing in left.values():
            held = trading.portfolio.position(standing.account, standing.symbol).quantity > 0
            if held and trading.guards.of(standing.account, standing.symbol) is None:
                await trading.guards.protect(standing)
        if left:
            await self._store_closing()

    async def closing(self, standing: Protection) -> None:
        """A position is about to be sold, and what protects it to be taken down."""
        self._closing[_place(standing.account, standing.symbol)] = standing
        await self._store_closing()

    async def closed(self, account: str, symbol: str) -> None:
        """It is sold, or protected again."""
        if self._closing.pop(_place(account, symbol), None) is not None:
            await self._store_closing()

    async def _store_closing(self) -> None:
        """What cannot be stored must not keep anybody from selling."""
        try:
            await self._trading.records.set_setting(_CLOSING, msgspec.json.encode(self._closing).decode())
        except StorageError as error:
            log.error("the levels of what is being closed are not stored", extra={"detail": str(error)})

    async def _ended(self, order_id: str) -> ledger.StoredOrder | None:
        return await self._trading.database.read(lambda k: ledger.order_of(k, order_id), "order")

    async def keep(self, order_id: str, stop: Decimal | None, target: Decimal | None) -> None:
        """Before the order goes out. Raises StorageError when it cannot be stored: then it must not."""
        self._levels[order_id] = _Levels(stop, target)
        try:
            await self._store()
        except BaseException:
            self._levels.pop(order_id, None)
            raise

    async def forget(self, order_id: str) -> None:
        if self._levels.pop(order_id, None) is not None:
            await self._store()

    async def filled(self, order: LiveOrder) -> None:
        """A part of an order traded: its levels count from the first one on."""
        account, symbol = order.terms.account, order.terms.symbol
        levels, standing = self._levels.get(order.terms.id), self._trading.guards.of(account, symbol)
        if levels is None:
            return
        if levels.begun and standing is not None:
            # Asked for again: it may just be ending, because all before this part was sold.
            await self._trading.guards.protect(standing)
            return
        self._levels[order.terms.id] = msgspec.structs.replace(levels, begun=True)
        await self._protect(account, symbol, levels)
        if not levels.begun and not order.final:
            await self._store_if_possible()

    async def moved(self, account: str, symbol: str, stop: Decimal | None, target: Decimal | None) -> None:
        """A person moved the levels of a position: its orders that have begun to fill get these from now on. A stop
        that does not lie below an order's own price is none for what that order buys: there its own stays."""
        before = dict(self._levels)
        for order in self._trading.gateway.blotter.of(account, symbol):
            levels, price = before.get(order.terms.id), order.terms.price
            if levels is not None and levels.begun:
                kept = levels.stop if stop is not None and price is not None and stop >= price else stop
                self._levels[order.terms.id] = msgspec.structs.replace(levels, stop=kept, target=target)
        if self._levels != before:
            await self._store_if_possible()

    async def _store_if_possible(self) -> None:
        """The position itself has its levels already, and they are written beside."""
        try:
            await self._store()
        except StorageError as error:
            log.error("the levels of orders by hand are not stored", extra={"detail": str(error)})

    async def _store(self) -> None:
        await self._trading.records.set_setting(_SETTING, msgspec.json.encode(self._levels).decode())

    async def _protect(self, account: str, symbol: str, levels: _Levels) -> None:
        old = self._trading.guards.of(account, symbol)
        stop, target = levels.stop, levels.target
        await self._trading.guards.protect(
            Protection(
                account=account,
                symbol=symbol,
                stop=stop if stop is not None else (old.stop if old else None),
                target=target if target is not None else (old.target if old else None),
                reason="by hand",
            )
        )


def _place(account: str, symbol: str) -> str:
    return f"{account} {symbol}"
