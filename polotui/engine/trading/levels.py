"""Stops and targets that nothing stands for yet: of orders by hand until they fill, of positions that are being closed.

Decided here:
* They are stored before their order goes out, because it may rest for days and fill after a restart; and what filled
  right before the end is protected at the start.
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

_Levels = tuple[Decimal | None, Decimal | None]


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
            if order.state not in FINAL:
                self._levels[order_id] = levels
        if self._levels.keys() != found.keys():
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
        self._levels[order_id] = stop, target
        try:
            await self._store()
        except BaseException:
            self._levels.pop(order_id, None)
            raise

    async def forget(self, order_id: str) -> None:
        if self._levels.pop(order_id, None) is not None:
            await self._store()

    async def filled(self, order: LiveOrder) -> None:
        """An order traded: its levels count from now on."""
        levels = self._levels.get(order.terms.id)
        if levels is not None:
            await self._protect(order.terms.account, order.terms.symbol, levels)

    async def _store(self) -> None:
        await self._trading.records.set_setting(_SETTING, msgspec.json.encode(self._levels).decode())

    async def _protect(self, account: str, symbol: str, levels: _Levels) -> None:
        old = self._trading.guards.of(account, symbol)
        stop, target = levels
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
