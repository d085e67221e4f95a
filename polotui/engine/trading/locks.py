"""Pair locks: set by the rule for losing pairs or by hand, run out by themselves, lifted by hand.

Decided here: after each closed trade the pair's trades are judged, and all pairs at the start and once a week. With the
end of a lock, by itself or by hand, the pair's grace begins: its old losses do not count again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from polotui.api import replies as r
from polotui.api import risk_commands as c
from polotui.api import trade_values as tv
from polotui.core.errors import StorageError, UsageError
from polotui.core.text import clean
from polotui.model.money import decimal_of
from polotui.model.symbols import Market
from polotui.risk import pairs
from polotui.risk.pairs import PairState, PairTrade
from polotui.risk.values import PairLock
from polotui.storage.database import Connection
from polotui.trading import rows as ledger
from polotui.trading import watch_rows

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.risk")

HOUR_MS = 3_600_000
#: How often it is looked whether the week is over.
LOOK_SECONDS = 3_600.0
MOST_HOURS = 24.0 * 365


class Locks:
    """The locks that count now."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._locks: list[watch_rows.StoredLock] = []
        self._reviewed_ms: int | None = None
        #: What is read and what is locked or lifted after it belong together.
        self._judging = asyncio.Lock()

    async def load(self) -> None:
        now = self._trading.clock.wall_ms()
        self._locks = await self._trading.database.read(lambda k: watch_rows.locks(k, now), "locks")
        await self._judge("")
        self._tell()

    async def on_trade(self, symbol: str) -> None:
        """A trade of a pair closed."""
        await self._judge(symbol)

    async def run(self) -> None:
        """Reviews all pairs once a week: a grace ends without a trade, too. For the supervisor."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if pairs.review_due(self._reviewed_ms, self._trading.clock.wall_ms()):
                try:
                    await self._judge("")
                except StorageError as error:
                    log.warning("the pairs could not be reviewed", extra={"detail": str(error)})

    async def _judge(self, symbol: str) -> None:
        """Locks what has lost too much: one pair, or all ("")."""
        async with self._judging:
            await self._judge_now(symbol)

    async def _judge_now(self, symbol: str) -> None:
        trading, now = self._trading, self._trading.clock.wall_ms()

        def read(connection: Connection) -> tuple[list[PairTrade], dict[str, int]]:
            where, values = (" WHERE symbol = ?", (symbol,)) if symbol else ("", ())
            query = f"SELECT symbol, exit_ms, profit, invested FROM trades{where} ORDER BY id"  # noqa: S608
            rows = [
                PairTrade(symbol=name, closed_ms=at, profit=decimal_of(profit), invested=decimal_of(invested))
                for name, at, profit, invested in connection.execute(query, values)
            ]
            return rows, watch_rows.ended(connection, now)

        found, ended = await trading.database.read(read, "pair trades")
        by_symbol: dict[str, list[PairTrade]] = {}
        for trade in found:
            by_symbol.setdefault(trade.symbol, []).append(trade)
        standing = {lock.symbol for lock in self._locks if lock.until_ms > now}
        for name, trades in by_symbol.items():
            if name in standing:
                continue
            proposed = pairs.propose(trades, PairState(symbol=name, enabled_ms=ended.get(name)), now)
            if proposed is not None:
                await self._lock(proposed, "risk monitor")
        if not symbol:
            self._reviewed_ms = now

    async def _lock(self, lock: PairLock, caller: str) -> None:
        trading, now = self._trading, self._trading.clock.wall_ms()
        text = f"{lock.symbol} is locked: {lock.reason}"

        def write(connection: Connection) -> tuple[watch_rows.StoredLock, int]:
            row = watch_rows.add_lock(
                connection, symbol=lock.symbol, code=lock.code, reason=lock.reason, from_ms=now, until_ms=lock.until_ms
            )
            ledger.add_audit(
                connection, kind="pair-lock", caller=caller, code=lock.code, text=text, symbol=lock.symbol, at_ms=now
            )
            return row, trading.add_fact(connection, "risk", "warning", text, symbol=lock.symbol)

        row, number = await trading.database.transact(write, "pair lock")
        trading.told(number)
        self._locks.append(row)
        self._tell()

    async def by_hand(self, command: c.LockPair) -> r.Done:
        """Locks a pair for some hours, or lifts its locks."""
        market = await self._trading.known(command.symbol)
        async with self._judging:
            return await self._by_hand(market, command)

    async def _by_hand(self, market: Market, command: c.LockPair) -> r.Done:
        now, caller = self._trading.clock.wall_ms(), command.caller or "person"
        if command.lift:
            count = await self._trading.database.transact(lambda k: watch_rows.lift(k, market.symbol, now), "lift lock")
            if not count:
                raise UsageError(f"{market.symbol} is not locked.", safe="Nothing was changed.")
            self._locks = [lock for lock in self._locks if lock.symbol != market.symbol]
            reason = clean(command.reason, 200)
            await self._trading.note(
                "pair-lock", f"{market.symbol} may be entered again{f': {reason}' if reason else ''}", caller,
                symbol=market.symbol,
            )  # fmt: skip
            self._tell()
            return r.Done(text=f"{market.symbol} may be entered again; losses from before do not count.")
        if not 0 < command.hours <= MOST_HOURS:
            raise UsageError("A lock lasts from a moment to a year.", safe="Nothing was changed.")
        if len(command.reason.strip()) < 3:
            raise UsageError("A lock needs a reason.", safe="Nothing was changed.")
        until = now + round(command.hours * HOUR_MS)
        await self._lock(pairs.lock_by_hand(market.symbol, clean(command.reason, 200), until), caller)
        return r.Done(text=f"{market.symbol} is locked for {command.hours:g} hours.")

    def rows(self) -> list[tv.LockRow]:
        now = self._trading.clock.wall_ms()
        return [
            tv.LockRow(
                id=lock.id, symbol=lock.symbol, code=lock.code, reason=lock.reason, from_ms=lock.from_ms,
                until_ms=lock.until_ms,
            )
            for lock in self._locks
            if lock.until_ms > now
        ]  # fmt: skip

    def _tell(self) -> None:
        self._trading.view.locks = tuple(
            PairLock(symbol=lock.symbol, code=lock.code, reason=lock.reason, until_ms=lock.until_ms)
            for lock in self._locks
        )
        self._trading.changed(alerts=True)
