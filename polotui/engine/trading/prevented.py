"""What the protections prevented: each refused entry of a bot is followed as if it had been made.

Decided here: a shadow is entered at the price of its refusal and left by the same rules as a real position: at its
stop, at its target, or after seven days at the price there is. Fees count on both sides. It is an estimate and is
called one: the order was never sent, so nobody knows how it would have been filled. A signal that is refused again is
followed once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polotui.api import trade_replies as tr
from polotui.core.errors import StorageError
from polotui.execution.exits import beyond_stop, beyond_target
from polotui.execution.fees import fee_value
from polotui.model.orders import Side
from polotui.risk.values import Asked, RiskDecision
from polotui.storage.database import Connection

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.prevented")

FOLLOWED_MS = 7 * 86_400_000
LOOK_SECONDS = 1.0
MOST_OPEN = 500
_NAN = float("nan")
_OPEN = "SELECT id, symbol, quantity, price, stop, target, until_ms FROM prevented WHERE result IS NULL"
_INSERT = (
    "INSERT INTO prevented (layer, code, symbol, side, quantity, price, stop, target, from_ms, until_ms, result,"
    " ending) VALUES (?, ?, ?, 'long', ?, ?, ?, ?, ?, ?, NULL, '')"
)


@dataclass(frozen=True)
class Shadow:
    """An entry that was not made."""

    id: int
    symbol: str
    quantity: float
    price: float
    stop: float
    target: float
    until_ms: int


class Prevented:
    """Follows shadows with live prices."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._open: dict[int, Shadow] = {}
        self._seen: dict[str, None] = {}

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        """An order that the gate refused. Orders by hand and those that reduce are not followed."""
        terms, trading = asked.terms, self._trading
        if not terms.bot or terms.reduces or terms.side is not Side.BUY or len(self._open) >= MOST_OPEN:
            return
        mark = trading.markets.mark(terms.symbol)
        price = float(terms.price or (mark.price if mark is not None else 0))
        if price <= 0 or (terms.signal and terms.signal in self._seen):
            return
        if terms.signal:
            self._seen[terms.signal] = None
            while len(self._seen) > 10_000:
                del self._seen[next(iter(self._seen))]
        quantity = float(terms.quantity) if terms.quantity is not None else float(terms.amount or 0) / price
        layer = trading.titles.get(decision.code, decision.code)
        now = trading.clock.wall_ms()
        stop = None if asked.stop is None else float(asked.stop)
        target = None if asked.target is None else float(asked.target)
        row = (layer, decision.code, terms.symbol, quantity, price, stop, target, now, now + FOLLOWED_MS)
        number = await trading.database.transact(lambda k: int(k.execute(_INSERT, row).lastrowid or 0), "prevented")
        self._open[number] = Shadow(number, terms.symbol, quantity, price, _nan(stop), _nan(target), now + FOLLOWED_MS)
        trading.want([terms.symbol])

    async def run(self) -> None:
        """For the supervisor."""
        found = await self._trading.database.read(lambda k: k.execute(_OPEN).fetchall(), "prevented")
        self._open = {
            id_: Shadow(id_, symbol, quantity, price, _nan(stop), _nan(target), until)
            for id_, symbol, quantity, price, stop, target, until in found
        }
        self._trading.want({shadow.symbol for shadow in self._open.values()})
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._follow()

    async def _follow(self) -> None:
        now, ended = self._trading.clock.wall_ms(), []
        for shadow in list(self._open.values()):
            mark = self._trading.markets.mark(shadow.symbol)
            if mark is None or not mark.fresh:
                continue
            price = float(mark.price)
            if beyond_stop(price, shadow.stop, 1):
                ended.append((shadow, price, "stop"))
            elif beyond_target(price, shadow.target, 1, 0.0):
                ended.append((shadow, shadow.target, "target"))
            elif now >= shadow.until_ms:
                ended.append((shadow, price, "after seven days"))
        if not ended:
            return
        taker = self._trading.fees[1]
        rows = []
        for shadow, price, ending in ended:
            fees = fee_value(shadow.quantity, shadow.price, taker) + fee_value(shadow.quantity, price, taker)
            rows.append((shadow.quantity * (price - shadow.price) - fees, ending, now, shadow.id))

        def write(connection: Connection) -> None:
            connection.executemany("UPDATE prevented SET result = ?, ending = ?, until_ms = ? WHERE id = ?", rows)

        try:
            await self._trading.database.transact(write, "prevented")
        except StorageError as error:
            log.warning("shadows could not be stored yet", extra={"detail": str(error)})
            return
        for shadow, _, _ in ended:
            del self._open[shadow.id]

    async def rows(self) -> list[tr.PreventedRow]:
        """By layer and month of the refusal, newest month first."""
        query = "SELECT layer, from_ms, result FROM prevented"
        found = await self._trading.database.read(lambda k: k.execute(query).fetchall(), "prevented")
        groups: dict[tuple[str, str], list[float | None]] = defaultdict(list)
        for layer, from_ms, result in found:
            groups[f"{datetime.fromtimestamp(from_ms / 1000, UTC):%Y-%m}", layer].append(result)
        return [
            tr.PreventedRow(
                layer=layer,
                month=month,
                count=len(results),
                losses_avoided=f"{-sum(r for r in results if r is not None and r < 0):.2f}",
                gains_missed=f"{sum(r for r in results if r is not None and r > 0):.2f}",
                open=sum(r is None for r in results),
            )
            for (month, layer), results in sorted(groups.items(), reverse=True)
        ]


def _nan(value: float | None) -> float:
    return _NAN if value is None else float(value)
